"""A folder with all that a tool needs, small."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image

CONFIG = """
default_scope = 'mmseg'
model = dict(
    type='mmseg_vitseg.EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor', size_divisor=1, mean=[99.0] * 3, std=[58.0] * 3),
    backbone=dict(
        type='mmseg_vitseg.VisionTransformer', img_size=32, patch_size=8, embed_dims=16, num_layers=1, num_heads=2
    ),
    decode_head=dict(type='mmseg_vitseg.LinearPatchHead', in_channels=16, num_classes=3, patch_size=8),
    test_cfg=dict(mode='whole'),
)
load = [dict(type='mmseg_vitseg.LoadImage'), dict(type='mmseg_vitseg.LoadMask', values=(1, 2, 3))]
resize = dict(type='Resize', scale=(32, 32), keep_ratio=False)
loader = dict(num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False))
pet = dict(type='mmseg_vitseg.OxfordPetDataset', data_root='pet')
train_dataloader = dict(
    batch_size=2,
    dataset=dict(ann_file='annotations/trainval.txt', pipeline=[*load, resize, dict(type='PackSegInputs')], **pet),
    **loader,
)
test_dataloader = dict(
    batch_size=1,
    dataset=dict(
        ann_file='annotations/test.txt', pipeline=[load[0], resize, load[1], dict(type='PackSegInputs')], **pet
    ),
    **loader,
)
test_evaluator = dict(type='IoUMetric')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1)
default_hooks = dict(
    checkpoint=dict(type='mmseg_vitseg.AtomicCheckpointHook', interval=1),
    finite_loss=dict(type='mmseg_vitseg.FiniteLossHook'),
)
randomness = dict(seed=0)
"""


@pytest.fixture(scope='session')
def sound(tmp_path_factory) -> Path:
    """A folder in which every command works: small.py, small.pth of its weights, pet/ of four pairs, photo.png."""
    folder = tmp_path_factory.mktemp('sound')
    (folder / 'small.py').write_text(CONFIG)
    torch.manual_seed(0)
    torch.save(
        {'state_dict': MODELS.build(Config.fromfile(folder / 'small.py').model).state_dict()}, folder / 'small.pth'
    )
    rng = np.random.default_rng(0)
    for place in ('images', 'annotations/trimaps'):
        (folder / 'pet' / place).mkdir(parents=True)
    for name in 'abcd':
        Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(folder / f'pet/images/{name}.jpg')
        Image.fromarray(rng.integers(1, 4, (30, 40), np.uint8)).save(folder / f'pet/annotations/trimaps/{name}.png')
    (folder / 'pet/annotations/trainval.txt').write_text('a\nb\n')
    (folder / 'pet/annotations/test.txt').write_text('c\nd\n')
    Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(folder / 'photo.png')
    return folder


@pytest.fixture
def folder(sound, tmp_path, monkeypatch) -> Path:
    """A copy of it, to be broken: the working folder."""
    shutil.copytree(sound, tmp_path / 'work')
    monkeypatch.chdir(tmp_path / 'work')
    return tmp_path / 'work'
