"""One wrong config a check, made from a right one by an option; the right ones have no findings."""

import copy
from importlib import resources

import pytest
from mmengine.config import Config

from mmseg_vitseg.checking.run import check_config
from vitseg_tests.paths import ROOT

HOST = resources.files('mmseg') / '.mim/configs'

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
SCRATCH = {'model.pretrained': None, 'model.backbone.init_cfg': None}
# Name -> file and options: small, of the host's types and of ours; all right.
BASES = {
    'fcn': (HOST / 'fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py', {}),
    'binary': (HOST / 'fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py', BINARY),
    'psp': (HOST / 'pspnet/pspnet_r18-d8_4xb2-80k_cityscapes-512x1024.py', {}),
    'ocr': (HOST / 'ocrnet/ocrnet_hr18s_4xb2-40k_cityscapes-512x1024.py', {}),
    'upernet': (HOST / 'upernet/upernet_r18_4xb2-40k_cityscapes-512x1024.py', {}),
    'fpn': (HOST / 'sem_fpn/fpn_r50_4xb2-80k_cityscapes-512x1024.py', {}),
    'beit': (HOST / 'beit/beit-base_upernet_8xb2-160k_ade20k-640x640.py', SCRATCH),
    'host vit': (HOST / 'setr/setr_vit-l_naive_8xb2-160k_ade20k-512x512.py', {'model.backbone.init_cfg': None}),
    'mask2former': (HOST / 'mask2former/mask2former_r50_8xb2-90k_cityscapes-512x1024.py', {}),
    'quickstart': (ROOT / 'configs/quickstart.py', {}),
    'vit': (ROOT / 'configs/vit_linear_pet.py', {}),
    'segformer': (ROOT / 'configs/segformer_b0_camvid.py', {}),
    'mla': (ROOT / 'configs/setr_mla_ade20k.py', {'model.backbone.init_cfg': None}),
    'scratch 14': (
        ROOT / 'configs/vit_small_pretrained_pet.py',
        {'model.backbone.init_cfg': None, 'model.backbone.img_size': 196},
    ),
}

# Right config, options that make it wrong, severity, key, what the message says: the value seen, and the fix.
WRONG = [
    # classes
    (
        'fcn',
        {'model.decode_head.num_classes': 10},
        'error',
        'model.decode_head.num_classes',
        '10, and CityscapesDataset has 19',
        'num_classes=19',
    ),
    (
        'fcn',
        {'model.auxiliary_head.num_classes': 150},
        'warning',
        'model.auxiliary_head.num_classes',
        '150',
        'num_classes=19',
    ),
    ('fcn', {'val_dataloader.dataset.type': 'ADE20KDataset'}, 'error', 'val_dataloader.dataset.type', '150', '19'),
    (
        'quickstart',
        {
            f'{loader}_dataloader.dataset.metainfo': dict(classes=('triangle', 'square', 'disc', 'ground'))
            for loader in ('val', 'test')
        },
        'error',
        'val_dataloader.dataset.metainfo.classes',
        '4 classes (triangle, square, disc, ground)',
        'ShapesDataset in train_dataloader.dataset has 4 classes (ground, disc, square, triangle)',
        'same_classes=False',
    ),
    (
        'binary',
        {'test_dataloader.dataset.metainfo': dict(classes=['background', 'pothole'])},
        'error',
        'test_dataloader.dataset.metainfo.classes',
        'background, pothole',
        'background, crack',
        'metainfo.classes of train_dataloader.dataset',
    ),
    (
        'fcn',
        {'model.decode_head.loss_decode.class_weight': [1.0] * 18},
        'error',
        'model.decode_head.loss_decode.class_weight',
        '18 weights',
        'give 19',
    ),
    (
        'mask2former',
        {'model.decode_head.loss_cls.class_weight': [1.0] * 19},
        'error',
        'model.decode_head.loss_cls.class_weight',
        '19 weights',
        'give 20',
    ),
    (
        'fcn',
        {'model.decode_head.loss_decode.class_weight': [1.0] * 19, 'model.decode_head.loss_decode.use_sigmoid': True},
        *(
            'error',
            'model.decode_head.loss_decode.class_weight',
            '19 weights with use_sigmoid=True',
            'use_sigmoid=False',
        ),
    ),
    (
        'quickstart',
        {'train_dataloader.dataset.reduce_zero_label': True},
        'error',
        'val_dataloader.dataset.reduce_zero_label',
        'False, and True in train_dataloader.dataset',
        'reduce_zero_label=True',
    ),
    # what is learned and what is scored
    (
        'quickstart',
        {'model.decode_head.ignore_index': 0},
        'warning',
        'model.decode_head.ignore_index',
        'nothing is learned of class 0 (ground), and val_evaluator scores it',
        'val_evaluator.ignore_index=0',
    ),
    (
        'quickstart',
        {'model.decode_head.loss_decode.class_weight': [1.0, 1.0, 0.0, 1.0]},
        'warning',
        'model.decode_head.loss_decode.class_weight',
        'class 2 (square)',
        'val_evaluator.ignore_index=2',
    ),
    (
        'quickstart',
        {'val_evaluator.ignore_index': 0, 'test_evaluator.ignore_index': 0},
        'warning',
        'val_evaluator.ignore_index',
        '0, which is class 0 (ground)',
        'val_evaluator.ignore_index=255',
    ),
    (
        'quickstart',
        {'model.decode_head.ignore_index': 0, 'val_evaluator.ignore_index': 0},
        'warning',
        'model.decode_head.ignore_index',
        'test_evaluator scores it',
    ),
    # one logit
    (
        'binary',
        {'model.decode_head.loss_decode.use_sigmoid': False},
        'error',
        'model.decode_head.loss_decode.use_sigmoid',
        'False with one logit',
        'use_sigmoid=True',
    ),
    (
        'binary',
        {'model.decode_head.threshold': None},
        'warning',
        'model.decode_head.threshold',
        'not set',
        'threshold=0.5',
    ),
    ('binary', {'model.decode_head.threshold': 1.5}, 'error', 'model.decode_head.threshold', '1.5', 'threshold=0.5'),
    (
        'binary',
        {'model.auxiliary_head.out_channels': 5},
        'error',
        'model.auxiliary_head.out_channels',
        '5 for num_classes=2',
        'leave',
    ),
    (
        'binary',
        {'model.decode_head.out_channels': 2},
        'warning',
        'model.decode_head.threshold',
        '0.5 with 2 logits',
        'out_channels=1',
    ),
    (
        'binary',
        {
            'model.decode_head.num_classes': 1,
            'model.auxiliary_head.num_classes': 1,
            'train_dataloader.dataset.metainfo.classes': ['crack'],
            'val_dataloader.dataset.metainfo.classes': ['crack'],
            'test_dataloader.dataset.metainfo.classes': ['crack'],
        },
        'warning',
        'model.decode_head.num_classes model.auxiliary_head.num_classes',
        'has 1 class',
        'background and object',
    ),
    (
        'binary',
        {'tta_model.type': 'SegTTAModel'},
        'warning',
        'tta_model.type',
        'SegTTAModel, with one logit',
        'tta_model.type=mmseg_vitseg.SegTTAModel',
    ),
    # levels
    (
        'fcn',
        {'model.decode_head.in_channels': 1024},
        'error',
        'model.decode_head.in_channels',
        '1024',
        'in_channels=2048',
    ),
    (
        'fcn',
        {'model.auxiliary_head.in_index': 4},
        'error',
        'model.auxiliary_head.in_index',
        '4, and there are 4 levels',
        '-4 to 3',
    ),
    (
        'ocr',
        {'model.decode_head.1.in_channels': [18, 36, 72, 145]},
        'error',
        'model.decode_head.1.in_channels',
        '145',
        '[18, 36, 72, 144]',
    ),
    (
        'segformer',
        {'model.decode_head.in_channels': [64, 128, 320, 512]},
        'error',
        'model.decode_head.in_channels',
        '320',
        'in_channels=[32, 64, 160, 256]',
    ),
    (
        'segformer',
        {'model.backbone.out_indices': (0, 1, 2, 4)},
        'error',
        'model.backbone.out_indices',
        '(0, 1, 2, 4)',
        'name only levels',
    ),
    (
        'fcn',
        {'model.backbone.out_indices': (0, 1, 2, 4)},
        'error',
        'model.backbone.out_indices',
        '(0, 1, 2, 4)',
        'name only levels',
    ),
    (
        'host vit',
        {'model.backbone.num_layers': 12},
        'error',
        'model.backbone.out_indices',
        '(9, 14, 19, 23)',
        'returns 1',
    ),
    (
        'fpn',
        {'model.neck.in_channels': [256, 512, 1024, 1024]},
        'error',
        'model.neck.in_channels',
        '1024]',
        '[256, 512, 1024, 2048]',
    ),
    (
        'mla',
        {'model.neck.out_channels': 128},
        'error',
        ' '.join(['model.decode_head.in_channels', *(f'model.auxiliary_head.{i}.in_channels' for i in range(4))]),
        '256',
        'in_channels=[128, 128, 128, 128]',
    ),
    (
        'quickstart',
        {'model.backbone.out_indices': (1, 5), 'model.decode_head.in_index': 0},
        'warning',
        'model.backbone.out_indices',
        '(1, 5), and no head reads the last (in_index is 0)',
        'model.backbone.num_layers=2 model.backbone.out_indices=(1,)',
    ),
    # sizes
    (
        'vit',
        {'model.decode_head.patch_size': 8},
        'error',
        'model.decode_head',
        'patches of 8 pixels',
        'stride of the feature map',
    ),
    (
        'scratch 14',
        {'train_dataloader.dataset.pipeline.2.scale': (200, 200), 'model.backbone.img_size': 210},
        'warning',
        'train_dataloader.dataset.pipeline.2.scale',
        '200 x 200',
        '210 x 210',
    ),
    ('vit', {'model.backbone.img_size': 224}, 'warning', 'model.backbone.img_size', '224 x 224', 'img_size=(128,128)'),
    ('beit', {'model.backbone.img_size': 512}, 'error', 'model.backbone.img_size', '512 x 512', 'img_size=(640,640)'),
    (
        'fcn',
        {'model.data_preprocessor.size': None},
        'error',
        'model.data_preprocessor.size',
        'neither',
        'size=(512,1024)',
    ),
    (
        'fcn',
        {'model.data_preprocessor.size_divisor': 32},
        'error',
        'model.data_preprocessor.size',
        '(512, 1024)',
        'size_divisor=None',
    ),
    (
        'fcn',
        {'model.data_preprocessor.size': (1024, 1024)},
        'warning',
        'model.data_preprocessor.size',
        '1024 x 1024',
        'size=(512,1024)',
    ),
    (
        'fcn',
        {'model.data_preprocessor.size': (256, 512)},
        'warning',
        'model.data_preprocessor.size',
        '256 x 512',
        'size=(512,1024)',
    ),
    ('mla', {'model.test_cfg.stride': (768, 768)}, 'error', 'model.test_cfg.stride', '768 x 768', 'stride=(342,342)'),
    ('mla', {'model.test_cfg.crop_size': None}, 'error', 'model.test_cfg.crop_size', 'None', 'crop_size=(512,512)'),
    ('fcn', {'model.test_cfg.mode': 'slied'}, 'error', 'model.test_cfg.mode', 'slied', 'mode=whole'),
    # normalisation
    (
        'vit',
        {'model.data_preprocessor.mean': [127.5] * 3, 'model.data_preprocessor.std': [127.5] * 3},
        'warning',
        'model.data_preprocessor.mean',
        "input_norm='batch'",
        'mean=None',
    ),
    ('vit', {'model.backbone.input_norm': None}, 'warning', 'model.data_preprocessor.mean', 'None', '123.675'),
    (
        'fcn',
        {'model.data_preprocessor.mean': None, 'model.data_preprocessor.std': None},
        'error',
        'model.data_preprocessor.mean',
        'None',
        '123.675',
    ),
    ('fcn', {'model.data_preprocessor.std': None}, 'error', 'model.data_preprocessor.std', 'None', 'set both'),
    (
        'fcn',
        {'train_dataloader.dataset.pipeline.6': dict(type='Normalize', mean=[0.0] * 3, std=[1.0] * 3)},
        'warning',
        'model.data_preprocessor.mean',
        'pipeline.6.type=Normalize',
        'mean=None',
    ),
    (
        'fcn',
        {'train_dataloader.batch_size': 1, 'launcher': 'none'},
        'warning',
        'train_dataloader.batch_size',
        '1, with model.backbone.norm_cfg.type=SyncBN and 2 more',
        'batch_size=2',
    ),
    (
        'vit',
        {'train_dataloader.batch_size': 1},
        'warning',
        'train_dataloader.batch_size',
        'model.backbone.input_norm',
        'batch_size=2',
    ),
    (
        'psp',
        {'train_dataloader.batch_size': 1, 'launcher': 'none'},
        'error',
        'train_dataloader.batch_size',
        'model.decode_head (PSPHead)',
        'batch_size=2',
    ),
    # files
    ('vit', {'load_from': 'nowhere.pth'}, 'error', 'load_from', 'nowhere.pth', 'load_from=None'),
    ('fcn', {'model.pretrained': 'nowhere.pth'}, 'error', 'model.pretrained', 'nowhere.pth', 'model.pretrained=FILE'),
    (
        'vit',
        {'model.backbone.init_cfg': dict(type='Pretrained', checkpoint='nowhere.pth')},
        'error',
        'model.backbone.init_cfg.checkpoint',
        'nowhere.pth',
        'model.backbone.init_cfg=None',
    ),
    # schedules
    ('fcn', {'train_cfg.max_iters': 80000}, 'warning', 'param_scheduler.0.end', '40000', 'end=80000'),
    (
        'quickstart',
        {'train_cfg.max_epochs': 1},
        'warning',
        'param_scheduler.1.begin',
        'max_epochs is 1',
        'begin=0 param_scheduler.1.end=1',
    ),
    ('quickstart', {'param_scheduler.1.end': 1}, 'error', 'param_scheduler.1.end', '1 epochs', 'end=7'),
    (
        'quickstart',
        {'param_scheduler.0.end': 9999},
        'warning',
        'param_scheduler.0.end',
        '448 iterations',
        'param_scheduler.0.end=44',
    ),
    (
        'quickstart',
        {'param_scheduler.1': dict(type='PolyLR', begin=32, end=160000, by_epoch=False)},
        'warning',
        'param_scheduler.1.end',
        '448 iterations: train_cfg.max_epochs=7 of 64 (1024 pictures)',
        'end=448',
    ),
    (
        'quickstart',
        {'param_scheduler.1': dict(type='MultiStepLR', milestones=[30, 40])},
        'warning',
        'param_scheduler.1.milestones',
        '[30, 40]',
        '[5,6]',
    ),
    (
        'quickstart',
        {'train_dataloader.batch_size': 1200, 'train_dataloader.drop_last': True},
        'error',
        'train_dataloader.drop_last',
        '1024 pictures',
        'batch_size=1024',
    ),
    (
        'quickstart',
        {
            'model.decode_head': dict(
                _delete_=True, type='PSPHead', in_channels=96, in_index=0, channels=8, pool_scales=(1,), num_classes=4
            ),
            'model.decode_head.norm_cfg': dict(type='BN'),
            'train_dataloader.dataset.length': 1009,
            'launcher': 'none',
        },
        'error',
        'train_dataloader.drop_last',
        'batch_size=16 and 1009 pictures: the last batch is one picture; model.decode_head (PSPHead)',
        'drop_last=True',
    ),
    ('quickstart', {'val_dataloader.drop_last': True}, 'warning', 'val_dataloader.drop_last', 'left out', 'False'),
    ('quickstart', {'train_cfg.max_epochs': 2}, 'warning', 'param_scheduler.1.end', '7', 'end=2'),
    ('quickstart', {'param_scheduler.1.T_max': 4}, 'warning', 'param_scheduler.1.T_max', '4', 'T_max=6'),
    ('fcn', {'param_scheduler.0.by_epoch': True}, 'error', 'param_scheduler.0.by_epoch', 'True', 'by_epoch=False'),
    # names
    ('vit', {'optim_wraper': dict()}, 'error', 'optim_wraper', 'nothing reads', "did you mean 'optim_wrapper'"),
    ('vit', {'model.test_cfg.strides': 8}, 'error', 'model.test_cfg.strides', 'nothing reads', "did you mean 'stride'"),
    (
        'vit',
        {'model.decode_head.patchsize': 16},
        'error',
        'model.decode_head.patchsize',
        'LinearPatchHead',
        "'patch_size'",
    ),
    ('vit', {'train_cfg.max_epoch': 2}, 'error', 'train_cfg.max_epoch', 'EpochBasedTrainLoop', "'max_epochs'"),
    ('vit', {'train_dataloader.batchsize': 2}, 'error', 'train_dataloader.batchsize', 'DataLoader', "'batch_size'"),
    ('vit', {'train_dataloader.sampler.shufle': 1}, 'error', 'train_dataloader.sampler.shufle', 'Sampler', "'shuffle'"),
    (
        'vit',
        {'train_dataloader.dataset.datar_oot': 1},
        'error',
        'train_dataloader.dataset.datar_oot',
        'Pet',
        "'data_root'",
    ),
    ('vit', {'optim_wrapper.clip_grads': 1}, 'error', 'optim_wrapper.clip_grads', 'OptimWrapper', "'clip_grad'"),
    ('vit', {'optim_wrapper.optimizer.bets': 1}, 'error', 'optim_wrapper.optimizer.bets', 'Adam', "'betas'"),
    ('vit', {'param_scheduler.0.bgin': 1}, 'error', 'param_scheduler.0.bgin', 'LR has', "'begin'"),
    (
        'vit',
        {'default_hooks.logger.intervall': 1},
        'error',
        'default_hooks.logger.intervall',
        'LoggerHook',
        "'interval'",
    ),
    (
        'vit',
        {'custom_hooks': [dict(type='EMAHook', bein_iter=1)]},
        'error',
        'custom_hooks.0.bein_iter',
        'EMA',
        "'begin_iter'",
    ),
    ('vit', {'val_evaluator.iou_metric': 1}, 'error', 'val_evaluator.iou_metric', 'IoUMetric', "'iou_metrics'"),
    ('vit', {'randomness.sed': 1}, 'error', 'randomness.sed', 'set_randomness', "'seed'"),
    # types
    ('fcn', {'default_scope': 'mmengine'}, 'error', 'default_scope', "'mmengine'", "default_scope='mmseg'"),
    ('fcn', {'default_scope': None}, 'error', 'default_scope', 'None', "default_scope='mmseg'"),
    ('fcn', {'default_scope': 'mmsegg'}, 'error', 'default_scope', "'mmsegg'", "default_scope='mmseg'"),
    ('vit', {'default_scope': 'mmseg_vitseg'}, 'error', 'default_scope', 'visualizer', "default_scope='mmseg'"),
    # loaders
    (
        'vit',
        {'train_dataloader.num_workers': 0},
        'error',
        'train_dataloader.persistent_workers',
        'True, and train_dataloader.num_workers is 0',
        'train_dataloader.persistent_workers=False, or train_dataloader.num_workers=1',
    ),
    (
        'vit',
        {'test_dataloader.num_workers': 0, 'test_dataloader.prefetch_factor': 2},
        'warning',
        'test_dataloader.persistent_workers',
        'test.py fails',
        'test_dataloader.persistent_workers=False test_dataloader.prefetch_factor=None',
    ),
    (
        'vit',
        {'model.decode_head.type': 'mmseg_vitseg.LinearPachHead'},
        'error',
        'model.decode_head.type',
        'LinearPachHead',
        "did you mean 'mmseg_vitseg.LinearPatchHead'",
    ),
    (
        'fcn',
        {'train_dataloader.dataset.pipeline.3.type': 'RandomCorp'},
        'error',
        'train_dataloader.dataset.pipeline.3.type',
        'RandomCorp',
        "'RandomCrop'",
    ),
    (
        'fcn',
        {'model.backbone.type': 'nowhere.ResNet'},
        'error',
        'model.backbone.type',
        'nowhere.ResNet',
        'install nowhere',
    ),
    ('fcn', {'model.backbone.type': 'MyOwnNet'}, 'error', 'model.backbone.type', 'MyOwnNet', 'custom_imports'),
]


@pytest.fixture(scope='module')
def base():
    """Return a right config by name, and changes to it."""
    read = {}

    def get(name: str, options: dict) -> Config:
        file, own = BASES[name]
        if name not in read:
            read[name] = Config.fromfile(file)
            read[name].merge_from_dict(own)
        cfg = copy.deepcopy(read[name])
        cfg.merge_from_dict(options)
        return cfg

    return get


@pytest.mark.parametrize('name', BASES)
def test_a_right_config_has_no_findings(base, name):
    assert check_config(base(name, {})) == []


@pytest.mark.parametrize(
    ('name', 'options', 'severity', 'key', 'words'),
    [(*row[:4], row[4:]) for row in WRONG],
    ids=[f'{row[0]}: {" ".join(row[1])}' for row in WRONG],
)
def test_a_wrong_config_has_the_one_finding(base, name, options, severity, key, words):
    cfg = base(name, options)
    before = cfg.to_dict()
    found = check_config(cfg)
    assert [(finding.severity, finding.key) for finding in found] == [(severity, one) for one in key.split()], list(
        map(str, found)
    )
    for word in words:
        assert word in str(found[0])
    assert cfg.to_dict() == before
