"""Bad configs through the commands' own command lines. What tests of the modules check in depth is not here again."""

from pathlib import Path

import pytest

from vitseg_tests.breaking import COMPARE, PREDICT, TRAIN, WORKS, check_end, replaced, text

FILES = [
    (text('model = dict('), PREDICT, 'small.py: cannot be read: SyntaxError: .* was never closed'),
    (text(b'\xff\xfe\0'), PREDICT, 'small.py: cannot be read'),
    (text(''), PREDICT, 'small.py: has no model'),
    (text(''), TRAIN, 'small.py: has no model'),
    (text(''), f'{COMPARE} photo.png', 'small.py: has no model'),
    (text(''), 'upgrade_config small.py new.py', 'small.py: has no model'),
    (text('model = []'), PREDICT, 'small.py: has no model'),
    (text("_base_ = './none.py'"), PREDICT, 'small.py: cannot be read'),
]

TEST_DATA = "'annotations/test.txt',"
PIECES = [
    (
        TEST_DATA,
        "metainfo=dict(classes=('x', 'y')),",
        PREDICT,
        'the model predicts 3 classes, the data set names 2; num_classes',
    ),
    (TEST_DATA, 'metainfo=dict(palette=[[1, 2, 3]]),', PREDICT, '3 classes and a palette of 1'),
    (TEST_DATA, 'metainfo=dict(palette=[[0, 0, 300]] * 3),', PREDICT, 'three numbers from 0 to 255'),
    (
        'img_size=32,',
        "init_cfg=dict(type='Pretrained', checkpoint='none.pth'),",
        TRAIN,
        "no file 'none.pth': .*init_cfg=None",
    ),
    ('img_size=32,', "init_cfg=dict(type='Pretrained'),", TRAIN, 'names no checkpoint'),
]

BACKBONE, HEAD = 'model.backbone', 'model.decode_head'
OF_PREDICT = [
    (
        f'{BACKBONE}.type=mmseg_vitseg.ViT',
        'small.py: cannot be built: mmseg_vitseg.ViT is not in .*; check the spelling',
    ),
    (f'{HEAD}.type=nowhere.Head', 'small.py: cannot be built: nowhere.Head is not in .*custom_imports'),
    (f'{BACKBONE}.embed_dim=8', "no argument 'embed_dim'; did you mean 'embed_dims'"),
    (f'{HEAD}.in_chanels=8', "cannot be built.*'in_chanels'"),
    (f'{BACKBONE}.img_size=32,32,32', 'img_size=.*allowed: an int or'),
    (f'{BACKBONE}.img_size=32.5', 'img_size=32.5; allowed: an int or'),
    (f'{BACKBONE}.embed_dims=-16', 'embed_dims=-16; at least 1 is needed, a whole number'),
    (f'{BACKBONE}.embed_dims=16.5', 'embed_dims=16.5; at least 1 is needed, a whole number'),
    (f'{BACKBONE}.num_layers=0', 'num_layers=0; at least 1 is needed, a whole number'),
    (f'{BACKBONE}.patch_size=0', 'patch_size=0; at least 1 is needed, a whole number'),
    (f'{BACKBONE}.patch_size=eight', "patch_size='eight'; at least 1 is needed"),
    (f'{HEAD}.patch_size=0', 'LinearPatchHead: patch_size=0; at least 1 is needed'),
    (f'{BACKBONE}.num_heads=3', 'num_heads=3 must divide embed_dims=16'),
    (f'{BACKBONE}.out_indices=7', 'out_indices=7 with 1 blocks; allowed: -1 to 0'),
    (f'{BACKBONE}.drop_rate=2', 'drop_rate=2; allowed: 0 to 1'),
    (f'{BACKBONE}.drop_path_rate=-1', 'drop_path_rate=-1; allowed: 0 to 1'),
    (f'{HEAD}.num_classes=0', 'num_classes=0; at least 1 is needed, a whole number'),
    (f'{HEAD}.num_classes=-3', 'num_classes=-3; at least 1 is needed, a whole number'),
    (f'{HEAD}.num_classes=three', "num_classes='three'; at least 1 is needed"),
]

DATA = 'train_dataloader.dataset'
OF_TRAIN = [
    ('default_hooks.checkpoint.intervall=1', "checkpoint.intervall: AtomicCheckpointHook has no .*mean 'interval'"),
    ('train_cfg.max_epoch=2', "cfg.max_epoch: .*did you mean 'max_epochs'"),
    (f'{HEAD}.in_channels=17', f'decode_head.in_channels: 17, .* widths 16 .*; {HEAD}.in_channels=16'),
    (f'{HEAD}.in_index=3', 'decode_head.in_index: 3, and there are 1 levels'),
    (f'{BACKBONE}.in_channels=4', 'mean and std of 3 bands; model.backbone.in_channels is 4'),
    (f'{HEAD}.patch_size=4', 'decode_head: LinearPatchHead: .* patches of 4 pixels does not cover an image of 32 x 32'),
    (f'{HEAD}.loss_decode.type=Los', "loss_decode.type: 'Los' is not in the"),
    (f'{DATA}.type=Foo', "'Foo' is not in the"),
    (f'{DATA}.pipeline.2.type=Resiz', "'Resiz' is not in the .*did you mean 'Resize'"),
    (f'{DATA}.pipeline.9.type=Resize', '--cfg-options train_dataloader.*: Index 9 exceeds the length; in a list'),
    ('train_dataloader.batch_size=0', 'batch_size=0'),
    ('optim_wrapper.optimizer.type=AdamX', "optimizer.type='AdamX' is not known; did you mean 'Adam"),
    ('optim_wrapper.optimizer.lr=abc', "optimizer.lr='abc'; a number is needed"),
    ('train_cfg.max_epochs=0', 'train_cfg.max_epochs=0; at least 1'),
    ('randomness.seed=-1', 'Seed must be between 0 .*; that of randomness.seed'),
    ('=1', "'=1' is not KEY=VALUE"),
    ('word', "'word' is not KEY=VALUE"),
    ('load_from=', WORKS),
]


@pytest.mark.parametrize(('way', 'line', 'words'), FILES)
def test_files(folder, call, way, line, words):
    way(Path('small.py'))
    check_end(call, line, words)


@pytest.mark.parametrize(
    ('name', 'words'),
    [
        ('smal.py', 'smal.py: no such config; did you mean small'),
        ('pet', 'pet: a folder; name a config file'),
        ('pet/annotations/test.txt', 'those end in .py, .yml'),
    ],
)
def test_names(folder, call, name, words):
    check_end(call, PREDICT.replace('small.py', name), words)


@pytest.mark.parametrize(('piece', 'with_it', 'line', 'words'), PIECES)
def test_pieces(folder, call, piece, with_it, line, words):
    replaced(piece, f'{piece} {with_it}')(Path('small.py'))
    check_end(call, line, words)


@pytest.mark.parametrize(('setting', 'words'), OF_PREDICT)
def test_settings(folder, call, setting, words):
    check_end(call, f'{PREDICT} --cfg-options {setting}', words)


@pytest.mark.parametrize(('setting', 'words'), OF_TRAIN)
def test_settings_of_a_training(folder, call, setting, words):
    check_end(call, f'{TRAIN} --cfg-options {setting}', words)
