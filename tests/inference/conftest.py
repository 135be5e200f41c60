import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from vitseg_tests.weights import randomise


@pytest.fixture
def config(tmp_path):
    """The file of a small config: two classes, pictures resized to 32 x 32."""
    path = tmp_path / 'small.py'
    path.write_text("""
default_scope = 'mmseg'
model = dict(
    type='mmseg_vitseg.EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor', size_divisor=1, bgr_to_rgb=True, mean=[99.0, 110.0, 120.0], std=[58.0] * 3
    ),
    backbone=dict(
        type='mmseg_vitseg.VisionTransformer', img_size=32, patch_size=8, embed_dims=16, num_layers=1, num_heads=2
    ),
    decode_head=dict(
        type='mmseg_vitseg.SETRUPHead', in_channels=16, channels=8, num_classes=3, norm_cfg=dict(type='SyncBN')
    ),
    test_cfg=dict(mode='whole'),
)
test_dataloader = dict(
    dataset=dict(
        type='mmseg_vitseg.OxfordPetDataset',
        data_root='nowhere',
        pipeline=[
            dict(type='mmseg_vitseg.LoadImage'),
            dict(type='Resize', scale=(32, 32), keep_ratio=False),
            dict(type='mmseg_vitseg.LoadMask'),
            dict(type='PackSegInputs'),
        ],
    )
)
""")
    return path


@pytest.fixture
def checkpoint(config, tmp_path):
    """Random weights for it that tell classes apart."""
    cfg = Config.fromfile(config)
    cfg.model.decode_head.norm_cfg.type = 'BN'
    model = randomise(MODELS.build(cfg.model))
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'small.pth')
    return tmp_path / 'small.pth'
