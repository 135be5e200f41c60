"""One wrong config a check, made from a right one by an option; the right ones have no findings."""

import ast
import copy
from contextlib import suppress
from functools import cache

import pytest
from mmengine.config import Config

from mmseg_vitseg.checking.checks import check_config
from mmseg_vitseg.checking.findings import ERROR, WARNING
from vitseg_tests.host_configs import PUBLISHED
from vitseg_tests.paths import ROOT

TWO = ['background', 'crack']
BINARY = {
    'train_dataloader.dataset.metainfo': dict(classes=TWO),
    'val_dataloader.dataset.metainfo': dict(classes=TWO),
    'test_dataloader.dataset.metainfo': dict(classes=TWO),
    **{f'model.{head}.num_classes': 2 for head in ('decode_head', 'auxiliary_head')},
    **{f'model.{head}.out_channels': 1 for head in ('decode_head', 'auxiliary_head')},
    **{f'model.{head}.loss_decode.use_sigmoid': True for head in ('decode_head', 'auxiliary_head')},
    'model.decode_head.threshold': 0.5,
    'tta_model.type': 'mmseg_vitseg.SegTTAModel',
}
ONE_PICTURE = {'train_dataloader.batch_size': 1}
SCRATCH = {'model.pretrained': None, 'model.backbone.init_cfg': None}
# Name -> file and options: small, of the host's types and of ours; all right.
BASES = {
    'fcn': (PUBLISHED / 'fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py', {}),
    'binary': (PUBLISHED / 'fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py', BINARY),
    'psp': (PUBLISHED / 'pspnet/pspnet_r18-d8_4xb2-80k_cityscapes-512x1024.py', {}),
    'ocr': (PUBLISHED / 'ocrnet/ocrnet_hr18s_4xb2-40k_cityscapes-512x1024.py', {}),
    'upernet': (PUBLISHED / 'upernet/upernet_r18_4xb2-40k_cityscapes-512x1024.py', {}),
    'fpn': (PUBLISHED / 'sem_fpn/fpn_r50_4xb2-80k_cityscapes-512x1024.py', {}),
    'beit': (PUBLISHED / 'beit/beit-base_upernet_8xb2-160k_ade20k-640x640.py', SCRATCH),
    'host vit': (PUBLISHED / 'setr/setr_vit-l_naive_8xb2-160k_ade20k-512x512.py', {'model.backbone.init_cfg': None}),
    'mask2former': (PUBLISHED / 'mask2former/mask2former_r50_8xb2-90k_cityscapes-512x1024.py', {}),
    'quickstart': (ROOT / 'configs/quickstart.py', {}),
    'calibrated': (
        ROOT / 'configs/quickstart.py',
        {'model.test_cfg.confidence': True, 'val_evaluator': [dict(type='mmseg_vitseg.CalibrationMetric')]},
    ),
    'six bands': (ROOT / 'configs/multispectral_shapes.py', {}),
    'vit': (ROOT / 'configs/vit_linear_pet.py', {}),
    'frozen vit': (ROOT / 'configs/vit_linear_pet.py', {'model.backbone.frozen': True, **ONE_PICTURE}),
    'vit, embeddings frozen': (ROOT / 'configs/vit_linear_pet.py', {'model.backbone.frozen_stages': 0, **ONE_PICTURE}),
    'segformer': (ROOT / 'configs/segformer_b0_camvid.py', {}),
    'mla': (ROOT / 'configs/setr_mla_ade20k.py', {'model.backbone.init_cfg': None}),
    'mla, windows evenly': (
        ROOT / 'configs/setr_mla_ade20k.py',
        {'model.backbone.init_cfg': None, 'model.test_cfg.stride': None},
    ),
    'eomt': (ROOT / 'configs/eomt_pet.py', {'model.backbone.init_cfg': None, 'model.backbone.img_size': 196}),
    'scratch 14': (
        ROOT / 'configs/vit_small_pretrained_pet.py',
        {'model.backbone.init_cfg': None, 'model.backbone.img_size': 196},
    ),
}

HEAD, AUX = 'model.decode_head', 'model.auxiliary_head'
AUXILIARY = dict(type='FCNHead', in_channels=384, in_index=0, channels=8, num_convs=1, num_classes=3)
RGB_ALONE = {
    'model.backbone.in_channels': 3,
    'model.data_preprocessor.mean': [1510, 1270, 970],
    'model.data_preprocessor.std': [620, 390, 380],
    **{f'{loader}_dataloader.dataset.pipeline.0.bands': (3, 2, 1) for loader in ('train', 'val', 'test')},
}
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
ONE_CLASS = {
    **{f'{head}.num_classes': 1 for head in (HEAD, AUX)},
    **{f'{loader}.dataset.metainfo.classes': ['crack'] for loader in LOADERS},
}
OTHER_ORDER = dict(classes=('triangle', 'square', 'disc', 'ground'))
REORDERED = {f'{loader}.dataset.metainfo': OTHER_ORDER for loader in LOADERS[1:]}
POOLED = {
    HEAD: dict(_delete_=True, type='PSPHead', in_channels=96, in_index=0, channels=8, pool_scales=(1,), num_classes=4),
    f'{HEAD}.norm_cfg': dict(type='BN'),
    'train_dataloader.dataset.length': 1009,
    'launcher': 'none',
}

# Right config, options that make it wrong, severity, key ('' is the first option's), words of the message.
# fmt: off
WRONG = [
    # classes
    ('fcn', 'model.decode_head.num_classes=10', ERROR, '', '10, and CityscapesDataset has 19', 'num_classes=19'),
    ('fcn', 'model.auxiliary_head.num_classes=150', WARNING, '', '150', 'num_classes=19'),
    ('fcn', 'val_dataloader.dataset.type=ADE20KDataset', ERROR, '', '150', '19'),
    ('quickstart', REORDERED, ERROR, 'val_dataloader.dataset.metainfo.classes',
     '4 classes (triangle, square, disc, ground)',
     'ShapesDataset in train_dataloader.dataset has 4 classes (ground, disc, square, triangle)', 'same_classes=False'),
    ('binary', {'test_dataloader.dataset.metainfo': dict(classes=['background', 'pothole'])}, ERROR,
     'test_dataloader.dataset.metainfo.classes', 'background, pothole', 'background, crack',
     'metainfo.classes of train_dataloader.dataset'),
    ('fcn', {'model.decode_head.loss_decode.class_weight': [1.0] * 18}, ERROR, '', '18 weights', 'give 19'),
    ('mask2former', {'model.decode_head.loss_cls.class_weight': [1.0] * 19}, ERROR, '', '19 weights', 'give 20'),
    ('fcn', {'model.decode_head.loss_decode.class_weight': [1.0] * 19, 'model.decode_head.loss_decode.use_sigmoid': True},
     ERROR, '', '19 weights with use_sigmoid=True', 'use_sigmoid=False'),
    ('quickstart', 'train_dataloader.dataset.reduce_zero_label=True', ERROR, 'val_dataloader.dataset.reduce_zero_label',
     'False, and True in train_dataloader.dataset', 'reduce_zero_label=True'),
    ('eomt', 'model.decode_head.num_classes=4', WARNING, '', '4, and OxfordPetDataset has 3', '"no object" is not counted'),
    # masks of queries
    ('eomt', {'model.auxiliary_head': AUXILIARY}, ERROR, 'model', 'EoMT: auxiliary_head', 'leave it out'),
    ('eomt', 'model.backbone.frozen=True', ERROR, 'model', 'EoMT: backbone.frozen=True', 'allowed: frozen_stages'),
    ('eomt', 'model.backbone.final_norm=False', ERROR, 'model', 'EoMT: backbone.final_norm=False', 'True'),
    ('eomt', 'model.decode_head.num_blocks=0', ERROR, 'model', 'EoMTHead: num_blocks=0', 'at least 1'),
    ('eomt', 'model.decode_head.loss.dice_wight=3', ERROR, 'model.decode_head.loss.dice_wight',
     'MaskLoss has no argument of this name', "did you mean 'dice_weight'?"),
    ('eomt', {'model.decode_head.type': 'FCNHead'}, ERROR, 'model', 'EoMT: the decode_head is a FCNHead', 'EoMTHead'),
    ('eomt', 'model.type=mmseg_vitseg.EncoderDecoder', ERROR, 'model.type', 'mmseg_vitseg.EncoderDecoder, with an EoMTHead',
     'model.type=mmseg_vitseg.EoMT'),
    ('eomt', 'model.decode_head.num_queries=2', WARNING, '', '2, and num_classes is 3', 'num_queries=16'),
    ('eomt', 'default_hooks.mask_annealing=None', WARNING, '', 'no MaskAnnealingHook',
     'default_hooks.mask_annealing.type=mmseg_vitseg.MaskAnnealingHook'),
    ('eomt', {'custom_hooks': [dict(type='mmseg_vitseg.MaskAnnealingHook')]}, ERROR, 'custom_hooks.0.type',
     'a second mmseg_vitseg.MaskAnnealingHook', 'take one of them out'),
    ('eomt', {'default_hooks.mask_annealing.ends': (60, 120, 181), 'default_hooks.mask_annealing.starts': (0, 60, 120),
              'train_cfg': dict(_delete_=True, type='IterBasedTrainLoop', max_iters=180)}, WARNING, '',
     '[60, 120, 181], and the training has 180 iterations',
     'default_hooks.mask_annealing.starts=None default_hooks.mask_annealing.ends=None'),
    ('quickstart', {'custom_hooks': [dict(type='mmseg_vitseg.MaskAnnealingHook')]}, ERROR, 'custom_hooks.0.type',
     'it is for an mmseg_vitseg.EoMT', 'take it out'),
    # what is learned and what is scored
    ('quickstart', {'test_evaluator': [dict(type='IoUMetric'), dict(type='mmseg_vitseg.CalibrationMetric')]}, ERROR,
     'model.test_cfg.confidence', 'test_evaluator.1 compares it with the truth', 'model.test_cfg.confidence=True'),
    ('fcn', {'val_evaluator': [dict(type='IoUMetric'), dict(type='mmseg_vitseg.CalibrationMetric')]}, ERROR,
     'model.type', 'val_evaluator.1', 'model.type=mmseg_vitseg.EncoderDecoder'),
    ('quickstart', 'model.decode_head.ignore_index=0', WARNING, '',
     'nothing is learned of class 0 (ground), and val_evaluator scores it', 'val_evaluator.ignore_index=0'),
    ('quickstart', 'model.decode_head.loss_decode.class_weight=[1.0,1.0,0.0,1.0]', WARNING, '', 'class 2 (square)',
     'val_evaluator.ignore_index=2'),
    ('quickstart', 'val_evaluator.ignore_index=0 test_evaluator.ignore_index=0', WARNING, '',
     '0, which is class 0 (ground)', 'val_evaluator.ignore_index=255'),
    ('quickstart', 'model.decode_head.ignore_index=0 val_evaluator.ignore_index=0', WARNING, '', 'test_evaluator scores it'),
    # one logit
    ('binary', 'model.decode_head.loss_decode.use_sigmoid=False', ERROR, '', 'False with one logit', 'use_sigmoid=True'),
    ('binary', 'model.decode_head.threshold=None', WARNING, '', 'not set', 'threshold=0.5'),
    ('binary', 'model.decode_head.threshold=1.5', ERROR, '', '1.5', 'threshold=0.5'),
    ('binary', 'model.auxiliary_head.out_channels=5', ERROR, '', '5 for num_classes=2', 'leave'),
    ('binary', 'model.decode_head.out_channels=2', WARNING, 'model.decode_head.threshold', '0.5 with 2 logits',
     'out_channels=1'),
    ('binary', ONE_CLASS, WARNING, 'model.decode_head.num_classes model.auxiliary_head.num_classes', 'has 1 class',
     'background and object'),
    ('binary', 'tta_model.type=SegTTAModel', WARNING, '', 'SegTTAModel, with one logit',
     'tta_model.type=mmseg_vitseg.SegTTAModel'),
    # levels
    ('fcn', 'model.decode_head.in_channels=1024', ERROR, '', '1024', 'in_channels=2048'),
    ('fcn', 'model.auxiliary_head.in_index=4', ERROR, '', '4, and there are 4 levels', '-4 to 3'),
    ('ocr', 'model.decode_head.1.in_channels=[18,36,72,145]', ERROR, '', '145', '[18, 36, 72, 144]'),
    ('segformer', 'model.decode_head.in_channels=[64,128,320,512]', ERROR, '', '320', 'in_channels=[32, 64, 160, 256]'),
    ('segformer', 'model.backbone.out_indices=(0,1,2,4)', ERROR, '', '(0, 1, 2, 4)', 'name only levels'),
    ('fcn', 'model.backbone.out_indices=(0,1,2,4)', ERROR, '', '(0, 1, 2, 4)', 'name only levels'),
    ('host vit', 'model.backbone.num_layers=12', ERROR, 'model.backbone.out_indices', '(9, 14, 19, 23)', 'returns 1'),
    ('fpn', 'model.neck.in_channels=[256,512,1024,1024]', ERROR, '', '1024]', '[256, 512, 1024, 2048]'),
    ('mla', 'model.neck.out_channels=128', ERROR,
     ' '.join([HEAD + '.in_channels', *(f'{AUX}.{index}.in_channels' for index in range(4))]), '256',
     'in_channels=[128, 128, 128, 128]'),
    ('quickstart', 'model.backbone.out_indices=(1,5) model.decode_head.in_index=0', WARNING, '',
     '(1, 5), and no head reads the last (in_index is 0)', 'model.backbone.num_layers=2 model.backbone.out_indices=(1,)',
     'find_unused_parameters'),
    ('quickstart', 'model.backbone.frozen=True model.backbone.out_indices=(1,5) model.decode_head.in_index=0', WARNING,
     'model.backbone.out_indices', 'what leads to it alone is computed for nothing; model.backbone.num_layers=2'),
    # sizes
    ('vit', 'model.decode_head.patch_size=8', ERROR, 'model.decode_head', 'patches of 8 pixels',
     'stride of the feature map'),
    ('scratch 14', 'train_dataloader.dataset.pipeline.2.scale=(200,200) model.backbone.img_size=210', WARNING, '',
     '200 x 200', '210 x 210'),
    ('vit', 'model.backbone.img_size=224', WARNING, '', '224 x 224', 'img_size=(128,128)'),
    ('beit', 'model.backbone.img_size=512', ERROR, '', '512 x 512', 'img_size=(640,640)'),
    ('fcn', 'model.data_preprocessor.size=None', ERROR, '', 'neither', 'size=(512,1024)'),
    ('fcn', 'model.data_preprocessor.size_divisor=32', ERROR, 'model.data_preprocessor.size', '(512, 1024)',
     'size_divisor=None'),
    ('fcn', 'model.data_preprocessor.size=(1024,1024)', WARNING, '', '1024 x 1024', 'size=(512,1024)'),
    ('fcn', 'model.data_preprocessor.size=(256,512)', WARNING, '', '256 x 512', 'size=(512,1024)'),
    ('fcn', {'model.test_cfg': dict(mode='slide', crop_size=(512, 512))}, ERROR, 'model.test_cfg.stride', 'None',
     'stride=(341,341)'),
    ('mla', 'model.test_cfg.stride=(768,768)', ERROR, '', '768 x 768', 'stride=(342,342)'),
    ('mla', 'model.test_cfg.crop_size=None', ERROR, '', 'None', 'crop_size=(512,512)'),
    ('fcn', 'model.test_cfg.mode=slied', ERROR, '', 'slied', 'mode=whole'),
    # normalisation
    ('vit', 'model.data_preprocessor.mean=[127.5,127.5,127.5] model.data_preprocessor.std=[127.5,127.5,127.5]', WARNING,
     '', "input_norm='batch'", 'mean=None'),
    ('vit', 'model.backbone.input_norm=None', WARNING, 'model.data_preprocessor.mean', 'None', '123.675'),
    ('fcn', 'model.data_preprocessor.mean=None model.data_preprocessor.std=None', ERROR, '', 'None', '123.675'),
    ('fcn', 'model.data_preprocessor.std=None', ERROR, '', 'None', 'set both'),
    ('six bands', 'model.data_preprocessor.type=SegDataPreProcessor', ERROR, '', "the host's", 'with mean of 6 bands',
     'model.data_preprocessor.type=mmseg_vitseg.SegDataPreProcessor'),
    ('six bands', 'model.data_preprocessor.std=[9.0,9.0,9.0,9.0]', ERROR, '', 'of 4 bands; model.backbone.in_channels is 6'),
    ('six bands', 'model.backbone.in_channels=4', ERROR, 'model.data_preprocessor.mean',
     'mean and std of 6 bands; model.backbone.in_channels is 4', 'one number a band'),
    ('six bands', {'model.data_preprocessor.bgr_to_rgb': True, **RGB_ALONE}, WARNING, '', 'reads bands=(3, 2, 1)',
     'bgr_to_rgb=False'),
    ('fcn', 'model.backbone.in_channels=4', ERROR, 'model.data_preprocessor.mean',
     'mean and std of 3 bands; model.backbone.in_channels is 4'),
    ('fcn', {'train_dataloader.dataset.pipeline.6': dict(type='Normalize', mean=[0.0] * 3, std=[1.0] * 3)}, WARNING,
     'model.data_preprocessor.mean', 'pipeline.6.type=Normalize', 'mean=None'),
    ('fcn', 'train_dataloader.batch_size=1 launcher=none', WARNING, '',
     '1, with model.backbone.norm_cfg.type=SyncBN and 2 more', 'batch_size=2'),
    ('vit', 'train_dataloader.batch_size=1', WARNING, '', 'model.backbone.input_norm', 'batch_size=2'),
    ('psp', 'train_dataloader.batch_size=1 launcher=none', ERROR, '', 'model.decode_head (PSPHead)', 'batch_size=2'),
    # files
    ('vit', 'load_from=nowhere.pth', ERROR, '', 'nowhere.pth', 'load_from=None'),
    ('fcn', 'model.pretrained=nowhere.pth', ERROR, '', 'nowhere.pth', 'model.pretrained=FILE'),
    ('vit', {'model.backbone.init_cfg': dict(type='Pretrained', checkpoint='nowhere.pth')}, ERROR,
     'model.backbone.init_cfg.checkpoint', 'nowhere.pth', 'model.backbone.init_cfg=None'),
    # schedules
    ('fcn', 'train_cfg.max_iters=80000', WARNING, 'param_scheduler.0.end', '40000', 'end=80000'),
    ('quickstart', 'train_cfg.max_epochs=1', WARNING, 'param_scheduler.1.begin', 'max_epochs is 1',
     'begin=0 param_scheduler.1.end=1'),
    ('quickstart', 'param_scheduler.1.end=1', ERROR, '', '1 epochs', 'end=7'),
    ('quickstart', 'param_scheduler.0.end=9999', WARNING, '', '448 iterations', 'param_scheduler.0.end=44'),
    ('quickstart', {'param_scheduler.1': dict(type='PolyLR', begin=32, end=160000, by_epoch=False)}, WARNING,
     'param_scheduler.1.end', '448 iterations: train_cfg.max_epochs=7 of 64 (1024 pictures)', 'end=448'),
    ('quickstart', {'param_scheduler.1': dict(type='MultiStepLR', milestones=[30, 40])}, WARNING,
     'param_scheduler.1.milestones', '[30, 40]', '[5,6]'),
    ('quickstart', 'train_dataloader.batch_size=1200 train_dataloader.drop_last=True', ERROR, 'train_dataloader.drop_last',
     '1024 pictures', 'batch_size=1024'),
    ('quickstart', POOLED, ERROR, 'train_dataloader.drop_last',
     'batch_size=16 and 1009 pictures: the last batch is one picture; model.decode_head (PSPHead)', 'drop_last=True'),
    ('quickstart', 'val_dataloader.drop_last=True', WARNING, '', 'left out', 'False'),
    ('quickstart', 'train_cfg.max_epochs=2', WARNING, 'param_scheduler.1.end', '7', 'end=2'),
    ('quickstart', 'param_scheduler.1.T_max=4', WARNING, '', '4', 'T_max=6'),
    ('fcn', 'param_scheduler.0.by_epoch=True', ERROR, '', 'True', 'by_epoch=False'),
    # names
    ('vit', {'optim_wraper': dict()}, ERROR, '', 'nothing reads', "did you mean 'optim_wrapper'"),
    ('vit', 'model.test_cfg.strides=8', ERROR, '', 'nothing reads', "did you mean 'stride'"),
    ('vit', 'model.decode_head.patchsize=16', ERROR, '', 'LinearPatchHead', "'patch_size'"),
    ('vit', 'train_cfg.max_epoch=2', ERROR, '', 'EpochBasedTrainLoop', "'max_epochs'"),
    ('vit', 'train_dataloader.batchsize=2', ERROR, '', 'DataLoader', "'batch_size'"),
    ('vit', 'train_dataloader.sampler.shufle=1', ERROR, '', 'Sampler', "'shuffle'"),
    ('vit', 'train_dataloader.dataset.datar_oot=1', ERROR, '', 'Pet', "'data_root'"),
    ('vit', 'optim_wrapper.clip_grads=1', ERROR, '', 'OptimWrapper', "'clip_grad'"),
    ('vit', 'optim_wrapper.optimizer.bets=1', ERROR, '', 'Adam', "'betas'"),
    ('vit', 'param_scheduler.0.bgin=1', ERROR, '', 'LR has', "'begin'"),
    ('vit', 'default_hooks.logger.intervall=1', ERROR, '', 'LoggerHook', "'interval'"),
    ('vit', {'custom_hooks': [dict(type='EMAHook', bein_iter=1)]}, ERROR, 'custom_hooks.0.bein_iter', 'EMA', "'begin_iter'"),
    ('vit', 'val_evaluator.iou_metric=1', ERROR, '', 'IoUMetric', "'iou_metrics'"),
    ('vit', 'randomness.sed=1', ERROR, '', 'set_randomness', "'seed'"),
    ('vit', 'visualizer.alpa=1', ERROR, '', 'SegLocalVisualizer', "'alpha'"),
    # types
    ('fcn', 'default_scope=mmengine', ERROR, '', "'mmengine'", "default_scope='mmseg'"),
    ('fcn', 'default_scope=None', ERROR, '', 'None', "default_scope='mmseg'"),
    ('fcn', 'default_scope=mmsegg', ERROR, '', "'mmsegg'", "default_scope='mmseg'"),
    ('vit', 'default_scope=mmseg_vitseg', ERROR, '', 'visualizer', "default_scope='mmseg'"),
    # loaders
    ('vit', 'train_dataloader.num_workers=0', ERROR, 'train_dataloader.persistent_workers',
     'True, and train_dataloader.num_workers is 0',
     'train_dataloader.persistent_workers=False, or train_dataloader.num_workers=1'),
    ('vit', 'test_dataloader.num_workers=0 test_dataloader.prefetch_factor=2', WARNING,
     'test_dataloader.persistent_workers', 'test.py fails',
     'test_dataloader.persistent_workers=False test_dataloader.prefetch_factor=None'),
    ('vit', {'model.decode_head.type': 'mmseg_vitseg.LinearPachHead'}, ERROR, '', 'LinearPachHead',
     "did you mean 'mmseg_vitseg.LinearPatchHead'"),
    ('fcn', 'train_dataloader.dataset.pipeline.3.type=RandomCorp', ERROR, '', 'RandomCorp', "'RandomCrop'"),
    ('fcn', 'model.backbone.type=nowhere.ResNet', ERROR, '', 'nowhere.ResNet', 'install nowhere'),
    ('fcn', 'model.backbone.type=MyOwnNet', ERROR, '', 'MyOwnNet', 'custom_imports'),
]
# fmt: on


@cache
def _read(name: str) -> Config:
    file, options = BASES[name]
    cfg = Config.fromfile(file)
    cfg.merge_from_dict(options)
    return cfg


def changed(name: str, options: dict | str) -> Config:
    """Return a right config, and changes to it; a text has them as ``--cfg-options`` does."""
    if isinstance(options, str):
        options = {key: _literal(value) for key, _, value in (pair.partition('=') for pair in options.split())}
    cfg = copy.deepcopy(_read(name))
    cfg.merge_from_dict(options)
    return cfg


def _literal(text: str):
    with suppress(ValueError):
        return ast.literal_eval(text)
    return text


def first_key(options: dict | str) -> str:
    return options.partition('=')[0] if isinstance(options, str) else next(iter(options))


@pytest.mark.parametrize('name', BASES)
def test_a_right_config_has_no_findings(name):
    assert check_config(changed(name, '')) == []


@pytest.mark.parametrize(
    ('name', 'options', 'severity', 'key', 'words'),
    [(*row[:4], row[4:]) for row in WRONG],
    ids=[f'{row[0]}: {row[1] if isinstance(row[1], str) else " ".join(row[1])}' for row in WRONG],
)
def test_a_wrong_config_has_the_one_finding(name, options, severity, key, words):
    cfg = changed(name, options)
    before = cfg.to_dict()
    found = check_config(cfg)
    keys = (key or first_key(options)).split()
    assert [(finding.severity, finding.key) for finding in found] == [(severity, one) for one in keys], [
        *map(str, found)
    ]
    for word in words:
        assert word in str(found[0])
    assert cfg.to_dict() == before
