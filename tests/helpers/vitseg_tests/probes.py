"""A small frozen model, its weights, and a config that trains a head on it."""

from pathlib import Path

import torch
from mmengine.config import Config

from mmseg_vitseg.config.building import build_model
from mmseg_vitseg.datasets.shapes import CLASSES
from vitseg_tests.small_models import BACKBONES, head_settings
from vitseg_tests.weights import randomise

CONFIG = """
default_scope = 'mmseg'
model = dict(
    type='mmseg_vitseg.EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', bgr_to_rgb=True, mean=[123.7, 116.3, 103.5], std=[58.4, 57.1, 57.4], size=(48, 48)
    ),
    backbone=dict({backbone}, frozen=True),
    test_cfg=dict(mode='whole'),
    {parts}
)
load = [dict(type='mmseg_vitseg.LoadImage'), dict(type='mmseg_vitseg.LoadMask')]
resize, flip = dict(type='Resize', scale=(48, 32), keep_ratio=False), dict(type='RandomFlip', prob=0.5)
data = {data}
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(data, pipeline=[*load, resize, flip, dict(type='PackSegInputs')]),
)
val_dataloader = dict(
    train_dataloader,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(data, pipeline=[load[0], resize, load[1], dict(type='PackSegInputs')]),
)
test_dataloader = val_dataloader
val_evaluator = test_evaluator = dict(type='IoUMetric')
val_cfg, test_cfg = dict(type='ValLoop'), dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.01))
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=5, val_interval=5)
default_hooks = dict(logger=dict(type='LoggerHook', interval=1), checkpoint=dict(type='CheckpointHook', interval=5))
randomness = dict(seed=0)
load_from = 'weights.pth'
"""
# not serialised: the host collects garbage each time it does that, for half a second
DRAWN = "dict(type='mmseg_vitseg.ShapesDataset', length=16, serialize_data=False)"
OF_FILES = f"""dict(
    type='BaseSegDataset',
    data_root='data',
    data_prefix=dict(img_path='images', seg_map_path='masks'),
    img_suffix='.png',
    metainfo=dict(classes={CLASSES}),
    serialize_data=False,
)"""


def write_probe(folder: Path, backbone: str = 'vit', head: str = 'probe', data: str = DRAWN) -> None:
    """Write ``probe.py`` and ``weights.pth``."""
    settings, widths, stride = BACKBONES[backbone]
    parts = head_settings(head, widths, stride)
    parts['decode_head']['num_classes'] = len(CLASSES)
    written = ', '.join(f'{name}={value!r}' for name, value in parts.items())
    (folder / 'probe.py').write_text(CONFIG.format(backbone=settings, parts=written, data=data))
    model = build_model(Config.fromfile(folder / 'probe.py'))
    torch.save(randomise(model).state_dict(), folder / 'weights.pth')
