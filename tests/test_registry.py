"""Types are found by their scope, in any config, with the host's own tools, without custom_imports."""

import subprocess
import sys
from importlib import resources

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmseg import registry as host
from PIL import Image

CONFIG = """
default_scope = 'mmseg'
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor', size=(32, 32)),
    backbone=dict(
        type='mmseg_vitseg.VisionTransformer', img_size=32, patch_size=8, embed_dims=16, num_layers=1, num_heads=2),
    decode_head=dict(type='FCNHead', in_channels=16, channels=8, num_convs=1, num_classes=3, norm_cfg=dict(type='BN')),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'))
pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='BaseSegDataset', data_root='data', data_prefix=dict(img_path='images', seg_map_path='masks'),
                 metainfo=dict(classes=('a', 'b', 'c')), img_suffix='.png', pipeline=pipeline))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=3, val_interval=10)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
default_hooks = dict(checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=3))
log_processor = dict(by_epoch=False)
"""


@pytest.mark.parametrize(
    ('registry', 'name'),
    [
        (host.MODELS, 'VisionTransformer'),
        (host.MODELS, 'LinearPatchHead'),
        (host.DATASETS, 'OxfordPetDataset'),
        (host.DATASETS, 'ShapesDataset'),
        (host.TRANSFORMS, 'LoadMask'),
        (host.HOOKS, 'PredictionProgressHook'),
        (host.HOOKS, 'AtomicCheckpointHook'),
        (host.HOOKS, 'FiniteLossHook'),
        (host.OPTIM_WRAPPERS, 'CPUAmpOptimWrapper'),
        (host.PARAM_SCHEDULERS, 'TwoStageWarmUpPolyLR'),
    ],
)
def test_types_are_found_and_the_hosts_stay_the_hosts(registry, name):
    ours = registry.get(f'mmseg_vitseg.{name}')
    assert ours.__module__.startswith('mmseg_vitseg.')
    theirs = registry.get(name)
    assert theirs is None or theirs.__module__.startswith('mmseg.')


def test_default_scope_stays_the_hosts():
    assert DefaultScope.get_current_instance().scope_name == 'mmseg'


def write_data(folder) -> None:
    rng = np.random.default_rng(0)
    for kind, values in (('images', (32, 32, 3)), ('masks', (32, 32))):
        (folder / kind).mkdir(parents=True)
        for index in range(4):
            high = 256 if kind == 'images' else 3
            Image.fromarray(rng.integers(0, high, values, np.uint8)).save(folder / kind / f'{index}.png')


def test_trains_with_the_hosts_own_tool_and_no_custom_imports(tmp_path):
    write_data(tmp_path / 'data')
    (tmp_path / 'config.py').write_text(CONFIG)
    tool = resources.files('mmseg') / '.mim/tools/train.py'
    result = subprocess.run(
        [sys.executable, str(tool), 'config.py', '--work-dir', 'out'], cwd=tmp_path, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert (tmp_path / 'out/iter_3.pth').is_file()
