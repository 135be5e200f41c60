"""Configs of tiny models, as files."""

from pathlib import Path

import pytest

SETR = """
norm = dict(type='SyncBN')
head = dict(
    type='mmseg_vitseg.SETRUPHead', in_channels=16, channels=8, num_classes=5, kernel_size=1, num_convs=1, up_scale=4,
    dropout_ratio=0.1, norm_cfg=norm)
model = dict(
    type='mmseg_vitseg.EncoderDecoder',
    backbone=dict(
        type='mmseg_vitseg.VisionTransformer', embed_dims=16, num_heads=2, num_layers=2, img_size=(64, 64),
        drop_rate=0.1, drop_path_rate=0.1, norm_cfg=dict(type='LN', eps=1e-6), out_indices=(0, 1),
        init_cfg=dict(type='Pretrained', checkpoint='missing.safetensors')),
    decode_head=dict(head, in_index=1),
    auxiliary_head=[dict(head, in_index=0)],
    test_cfg=dict(mode='slide', crop_size=(32, 32), stride=(24, 24)))
"""
SEGFORMER = """
model = dict(
    type='mmseg_vitseg.EncoderDecoder',
    backbone=dict(
        type='mmseg_vitseg.MixVisionTransformer', embed_dims=8, num_layers=(1, 1, 1, 1), num_heads=(1, 2, 3, 4),
        drop_path_rate=0.5, drop_rate=0.1, reduction_norm_cfg=dict(type='LN', eps=1e-2)),
    decode_head=dict(
        type='mmseg_vitseg.SegformerHead', in_channels=[8, 16, 24, 32], in_index=[0, 1, 2, 3], channels=16,
        num_classes=5, linear_projection=True, norm_cfg=dict(type='BN')),
    test_cfg=dict(mode='whole'))
"""
LINEAR = """
model = dict(
    type='mmseg_vitseg.EncoderDecoder',
    backbone=dict(type='mmseg_vitseg.VisionTransformer', embed_dims=16, num_heads=2, num_layers=2, img_size=64),
    decode_head=dict(type='mmseg_vitseg.LinearPatchHead', in_channels=16, num_classes=5),
    test_cfg=dict(mode='whole'))
"""

EOMT = """
model = dict(
    type='mmseg_vitseg.EoMT',
    data_preprocessor=dict(type='SegDataPreProcessor'),
    backbone=dict(
        type='mmseg_vitseg.VisionTransformer', variant='{variant}', embed_dims=32, num_heads=2, num_layers=3, img_size=64,
        patch_size=16),
    decode_head=dict(type='mmseg_vitseg.EoMTHead', num_classes=5, num_queries=7, num_blocks=2),
    test_cfg=dict(mode='whole'))
"""
PROBE = """
model = dict(
    type='mmseg_vitseg.EncoderDecoder',
    backbone=dict(
        type='mmseg_vitseg.VisionTransformer', variant='{variant}', embed_dims=48, num_heads=4, num_layers=3, img_size=64,
        patch_size=16),
    decode_head=dict(type='mmseg_vitseg.LinearHead', in_channels=48, num_classes=5, dropout_ratio=0.1),
    test_cfg=dict(mode='whole'))
"""
PROBED = ('dinov2_s', 'dinov2_g', 'dinov2_s_reg', 'dinov2_g_reg', 'dinov3_s', 'dinov3_s_plus', 'dinov3_7b', 'small')


@pytest.fixture
def tiny(tmp_path) -> dict[str, str]:
    """Name -> path."""
    paths = {}
    eomts = {
        f'eomt {variant}': EOMT.format(variant=variant) for variant in ('dinov2_s_reg', 'dinov3_s', 'dinov3_s_plus')
    }
    probes = {f'probe {variant}': PROBE.format(variant=variant) for variant in PROBED}
    for name, text in dict(setr=SETR, segformer=SEGFORMER, linear=LINEAR, **eomts, **probes).items():
        paths[name] = str(Path(tmp_path, f'{name}.py'))
        Path(paths[name]).write_text(text)
    return paths
