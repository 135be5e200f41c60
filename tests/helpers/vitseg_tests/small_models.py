"""Small models of every head on the backbones that it fits, with random weights, in files as a user has them."""

from pathlib import Path

import torch
from mmengine.config import Config

from mmseg_vitseg.config.building import build_model
from vitseg_tests.weights import randomise

BN = dict(type='SyncBN')
VIT = dict(
    type='mmseg_vitseg.VisionTransformer',
    embed_dims=16,
    num_layers=2,
    num_heads=2,
    img_size=48,
    patch_size=16,
    out_indices=(0, 1),
)
MIT = dict(
    type='mmseg_vitseg.MixVisionTransformer',
    embed_dims=8,
    num_stages=2,
    num_layers=(1, 1),
    num_heads=(1, 2),
    patch_sizes=(7, 3),
    strides=(4, 2),
    sr_ratios=(4, 2),
    out_indices=(0, 1),
)
DINO = dict(VIT, variant='dinov3_s_plus')
BACKBONES = dict(
    vit=(VIT, (16, 16), 16), dino=(DINO, (16, 16), 16), mit=(MIT, (8, 16), 8)
)  # settings, width of each level, stride of the last


def head_settings(name: str, widths: tuple[int, int], stride: int) -> dict:
    """The head, and for MLA its neck."""
    last = dict(in_channels=widths[1], in_index=1)
    levels = dict(in_channels=list(widths), in_index=[0, 1], channels=8, norm_cfg=BN)
    up = dict(last, type='mmseg_vitseg.SETRUPHead', channels=8, norm_cfg=BN)
    mla = dict(levels, type='mmseg_vitseg.SETRMLAHead', in_channels=[8, 8], mla_channels=4)
    neck = dict(type='mmseg_vitseg.MLANeck', in_channels=list(widths), out_channels=8, norm_cfg=BN)
    probe = dict(type='mmseg_vitseg.LinearHead', in_channels=list(widths), in_index=[0, 1], norm_cfg=BN)
    segformer = dict(levels, type='mmseg_vitseg.SegformerHead')
    queries = dict(type='mmseg_vitseg.EoMTHead', in_channels=16, patch_size=stride, num_queries=5, num_blocks=1)
    return dict(
        linear=dict(decode_head=dict(last, type='mmseg_vitseg.LinearPatchHead', patch_size=stride)),
        probe=dict(decode_head=probe),
        naive=dict(decode_head=dict(up, kernel_size=1)),
        pup=dict(decode_head=dict(up, num_convs=2, up_scale=2)),
        mla=dict(decode_head=mla, neck=neck),
        segformer=dict(decode_head=segformer),
        segformer_linear=dict(decode_head=dict(segformer, linear_projection=True)),
        queries=dict(type='mmseg_vitseg.EoMT', decode_head=queries),
    )[name]


def write_model(
    folder: Path, backbone: str = 'vit', head: str = 'linear', changes: dict | None = None
) -> tuple[Path, Path]:
    """Write a config and a checkpoint; changes to the config come as a nested dict."""
    settings, widths, stride = BACKBONES[backbone]
    preprocessor = dict(type='SegDataPreProcessor', bgr_to_rgb=True, mean=[123.7, 116.3, 103.5], std=[58.4, 57.1, 57.4])
    parts = head_settings(head, widths, stride)
    parts['decode_head']['num_classes'] = 4
    pipeline = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
    dataset = dict(type='mmseg_vitseg.ShapesDataset', length=2, pipeline=pipeline)
    cfg = Config(
        dict(
            default_scope='mmseg',
            model={
                **dict(type='mmseg_vitseg.EncoderDecoder', data_preprocessor=preprocessor, backbone=settings),
                **parts,
                'test_cfg': dict(mode='whole'),
            },
            test_dataloader=dict(dataset=dataset),
        )
    )
    cfg.merge_from_dict(changes or {})
    cfg.dump(folder / 'config.py')
    torch.save(randomise(build_model(cfg)).state_dict(), folder / 'weights.pth')
    return folder / 'config.py', folder / 'weights.pth'
