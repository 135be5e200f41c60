"""Our backbones under the host's heads, and our heads on the host's backbones: tensors, losses, predictions."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from vitseg_tests.against_host import HOST_VIT

CLASSES, SIZE, BN = 5, 32, dict(type='BN')

WIDE_VIT = dict(HOST_VIT, embed_dims=16)
OUR_VIT = dict(WIDE_VIT, type='mmseg_vitseg.VisionTransformer')
BACKBONES = {
    'VisionTransformer': WIDE_VIT,
    'BEiT': dict(WIDE_VIT, type='BEiT', init_values=0.1),
    'MAE': dict(WIDE_VIT, type='MAE', init_values=1.0),
    'ResNetV1c': dict(  # levels 1 to 3 at 1/8
        type='ResNetV1c',
        depth=18,
        base_channels=16,
        stem_channels=16,
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        norm_cfg=BN,
        contract_dilation=True,
    ),
    'SwinTransformer': dict(  # level i at 1 / (4 2^i)
        type='SwinTransformer',
        pretrain_img_size=SIZE,
        embed_dims=16,
        depths=(1, 1, 1, 1),
        num_heads=(1, 2, 2, 2),
        window_size=2,
    ),
}
MIT = dict(embed_dims=8, num_layers=(1, 1, 1, 1), num_heads=(1, 2, 2, 4))
BACKBONES['MixVisionTransformer'] = dict(MIT, type='MixVisionTransformer')
WIDTHS = {name: [16] * 4 for name in ('VisionTransformer', 'BEiT', 'MAE')}
WIDTHS |= {
    'ResNetV1c': [16, 32, 64, 128],
    'SwinTransformer': [16, 32, 64, 128],
    'MixVisionTransformer': [8, 16, 16, 32],
}


def one_level(backbone: str, head: dict) -> dict:
    """Our head on a host's backbone, on its level at 1/8, with the host's auxiliary head on the next one."""
    widths = WIDTHS[backbone]
    return dict(
        backbone=BACKBONES[backbone],
        decode_head=dict(head, in_channels=widths[1], in_index=1),
        auxiliary_head=[dict(type='FCNHead', in_channels=widths[2], in_index=2, channels=8, num_classes=CLASSES)],
    )


def mla(backbone: str, levels: int, **settings) -> dict:
    """Our MLANeck and SETRMLAHead on a host's backbone, on its last levels, which must be of one size."""
    return dict(
        backbone=dict(BACKBONES[backbone], **settings),
        neck=dict(type='mmseg_vitseg.MLANeck', in_channels=WIDTHS[backbone][-levels:], out_channels=8, norm_cfg=BN),
        decode_head=dict(
            type='mmseg_vitseg.SETRMLAHead',
            in_channels=[8] * levels,
            in_index=list(range(levels)),
            channels=4 * levels,
            mla_channels=4,
            norm_cfg=BN,
        ),
    )


def all_levels(backbone: str, linear_projection: bool) -> dict:
    """Our SegformerHead on all four levels of a host's backbone, of one size or of four."""
    return dict(
        backbone=BACKBONES[backbone],
        decode_head=dict(
            type='mmseg_vitseg.SegformerHead',
            in_channels=WIDTHS[backbone],
            in_index=[0, 1, 2, 3],
            channels=8,
            norm_cfg=BN,
            linear_projection=linear_projection,
        ),
    )


OUR_HEADS = {
    'LinearPatchHead': dict(type='mmseg_vitseg.LinearPatchHead', patch_size=8),
    'Naive': dict(type='mmseg_vitseg.SETRUPHead', channels=8, norm_cfg=BN, kernel_size=1),
    'PUP': dict(type='mmseg_vitseg.SETRUPHead', channels=8, norm_cfg=BN, num_convs=3, up_scale=2),
}
OURS_UNDER = {
    'FCNHead': dict(decode_head=dict(type='FCNHead', in_channels=16, channels=8, norm_cfg=BN)),
    'UPerHead': dict(
        neck=dict(type='MultiLevelNeck', in_channels=[16] * 4, out_channels=8, scales=[4, 2, 1, 0.5]),
        decode_head=dict(
            type='UPerHead', in_channels=[8] * 4, in_index=[0, 1, 2, 3], pool_scales=(1, 2), channels=8, norm_cfg=BN
        ),
    ),
    'SegmenterMaskTransformerHead': dict(
        decode_head=dict(
            type='SegmenterMaskTransformerHead',
            in_channels=16,
            channels=16,
            num_layers=1,
            num_heads=2,
            embed_dims=16,
            dropout_ratio=0.0,
        )
    ),
    "the host's SETRUPHead": dict(decode_head=dict(type='SETRUPHead', in_channels=16, channels=8, norm_cfg=BN)),
    "the host's SETRMLAHead": dict(
        neck=dict(type='MLANeck', in_channels=[16] * 4, out_channels=8),
        decode_head=dict(
            type='SETRMLAHead',
            in_channels=[8] * 4,
            in_index=[0, 1, 2, 3],
            channels=16,
            mla_channels=4,
            norm_cfg=BN,
        ),
    ),
    'SETRUPHead': dict(
        decode_head=dict(
            type='mmseg_vitseg.SETRUPHead', in_channels=16, channels=8, norm_cfg=BN, num_convs=2, up_scale=2
        )
    ),
}

MIXES = {f'our ViT, {name}': dict(backbone=OUR_VIT, **parts) for name, parts in OURS_UNDER.items()}
MIXES |= {f'{backbone}, {name}': one_level(backbone, OUR_HEADS[name]) for backbone in BACKBONES for name in OUR_HEADS}
MIXES |= {f'{backbone}, MLA': mla(backbone, 4) for backbone in ('VisionTransformer', 'BEiT', 'MAE')}
MIXES |= {
    f'{backbone}, SegFormer{" linear" * linear}': all_levels(backbone, linear)
    for backbone in BACKBONES
    for linear in (False, True)
}
MIXES |= {
    f'our MiT, {head}': dict(
        backbone=dict(MIT, type='mmseg_vitseg.MixVisionTransformer'),
        decode_head=dict(
            type=head, in_channels=[8, 16, 16, 32], in_index=[0, 1, 2, 3], channels=8, norm_cfg=BN, **settings
        ),
    )
    for head, settings in {
        'UPerHead': dict(pool_scales=(1, 2)),
        'SegformerHead': {},
        'mmseg_vitseg.SegformerHead': {},
    }.items()
}
MIXES['ResNetV1c, MLA'] = mla('ResNetV1c', 3, out_indices=(1, 2, 3))


def build(parts: dict) -> nn.Module:
    head = dict(parts['decode_head'], num_classes=CLASSES)
    model = MODELS.build(
        dict(type='EncoderDecoder', test_cfg=ConfigDict(mode='whole'), **{**parts, 'decode_head': head})
    )
    model.init_weights()
    return model


@pytest.mark.parametrize('mix', MIXES)
def test_tensors_losses_and_predictions(mix):
    model = build(MIXES[mix])
    images = torch.randn(2, 3, SIZE, SIZE)
    labels = torch.randint(0, CLASSES, (2, 1, SIZE, SIZE))
    samples = [
        SegDataSample(gt_sem_seg=PixelData(data=label), metainfo=dict(img_shape=(SIZE, SIZE), ori_shape=(20, 26)))
        for label in labels
    ]
    model.train()
    losses = model(images, samples, mode='loss')
    assert {'decode.loss_ce', 'decode.acc_seg'} <= losses.keys()
    sum(loss for name, loss in losses.items() if 'loss' in name).backward()
    assert all(torch.isfinite(loss).all() for loss in losses.values())
    reached = [p.grad is not None and torch.isfinite(p.grad).all() for p in model.decode_head.parameters()]
    assert all(reached)
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.backbone.parameters())
    model.eval()
    with torch.no_grad():
        logits = model(images, mode='tensor')
        predictions = model(images, samples, mode='predict')
    assert logits.shape[:2] == (2, CLASSES)
    for prediction in predictions:
        assert prediction.pred_sem_seg.data.shape == (1, 20, 26)
        assert prediction.seg_logits.data.shape == (CLASSES, 20, 26)
