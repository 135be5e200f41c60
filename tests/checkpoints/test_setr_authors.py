"""SETR as its authors release it: state dicts of exactly their names, and their decoders step by step.

The arithmetic here is read off the paper and the authors' public files (fudan-zvg/SETR, mmseg/models); the names of
the encoder are timm's and proven elsewhere, so ours makes the features.
"""

import pytest
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor
from torch.testing import assert_close

from mmseg_vitseg.checkpoints.loading import load_whole_model
from mmseg_vitseg.checkpoints.sources import to_our_names

WIDTH, CHANNELS, CLASSES = 24, 16, 5
BN, LN = dict(type='BN'), dict(type='LN', eps=1e-6)


def backbone(**arguments) -> dict:
    return dict(
        type='mmseg_vitseg.VisionTransformer',
        img_size=32,
        patch_size=8,
        embed_dims=WIDTH,
        num_layers=4,
        num_heads=4,
        norm_cfg=LN,
        out_indices=(0, 1, 2, 3),
        **arguments,
    )


def draw(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    state = {}
    for name, shape in shapes.items():
        if name.endswith('running_var'):
            state[name] = torch.rand(shape) + 0.5
        elif name.endswith('num_batches_tracked'):
            state[name] = torch.tensor(7)
        else:
            fan_in = torch.Size(shape[1:]).numel() if len(shape) > 1 else 4
            state[name] = torch.randn(shape) * fan_in**-0.5 + float(len(shape) == 1 and name.endswith('weight'))
    return state


def norm_shapes(name: str, width: int, statistics: bool = True) -> dict[str, tuple[int, ...]]:
    kinds = ('weight', 'bias', *(('running_mean', 'running_var') if statistics else ()))
    return {f'{name}.{kind}': (width,) for kind in kinds} | ({f'{name}.num_batches_tracked': ()} if statistics else {})


def encoder_state(token: bool) -> dict[str, Tensor]:
    """The encoder under timm's names; theirs always has the class token, and a position for it."""
    model = MODELS.build(backbone(with_cls_token=token))
    state = draw({name: tuple(value.shape) for name, value in model.state_dict().items()})
    if not token:
        state['cls_token'] = torch.randn(1, 1, WIDTH)
        state['pos_embed'] = torch.cat([torch.randn(1, 1, WIDTH), state['pos_embed']], dim=1)
    state['patch_embed.proj.weight'] = state['patch_embed.proj.weight'].unflatten(1, (3, 8, 8))
    return {f'backbone.{name}': value for name, value in state.items()}


def up_head_shapes(head: str, convolutions: int, size: int) -> dict[str, tuple[int, ...]]:
    """VisionTransformerUpHead, num_conv = convolutions + 1 of 2 or 4 + 1."""
    shapes = norm_shapes(f'{head}.norm', WIDTH, statistics=False)
    shapes |= {f'{head}.conv_seg.weight': (CLASSES, 12, 1, 1), f'{head}.conv_seg.bias': (CLASSES,)}  # unused
    for index in range(convolutions):
        shapes[f'{head}.conv_{index}.weight'] = (CHANNELS, CHANNELS if index else WIDTH, size, size)
        shapes[f'{head}.conv_{index}.bias'] = (CHANNELS,)
        shapes |= norm_shapes(f'{head}.syncbn_fc_{index}', CHANNELS)
    shapes |= {
        f'{head}.conv_{convolutions}.weight': (CLASSES, CHANNELS, 1, 1),
        f'{head}.conv_{convolutions}.bias': (CLASSES,),
    }
    return shapes


def batch_norm(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    parts = [state[f'{name}.{kind}'] for kind in ('running_mean', 'running_var', 'weight', 'bias')]
    return F.relu(F.batch_norm(x, *parts))


def layer_norm(state: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    x = x.permute(0, 2, 3, 1)
    return F.layer_norm(x, (WIDTH,), state[f'{name}.weight'], state[f'{name}.bias'], 1e-6).permute(0, 3, 1, 2)


def up_head(state: dict[str, Tensor], head: str, x: Tensor, convolutions: int, scale: int) -> Tensor:
    """Their decoder: upsampled between the convolutions, classified before the last upsampling."""
    x = layer_norm(state, f'{head}.norm', x)
    for index in range(convolutions):
        if index:
            x = F.interpolate(x, scale_factor=scale, mode='bilinear', align_corners=False)
        weight, bias = state[f'{head}.conv_{index}.weight'], state[f'{head}.conv_{index}.bias']
        x = F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
        x = batch_norm(state, f'{head}.syncbn_fc_{index}', x)
    x = F.conv2d(x, state[f'{head}.conv_{convolutions}.weight'], state[f'{head}.conv_{convolutions}.bias'])
    return F.interpolate(x, scale_factor=scale, mode='bilinear', align_corners=False)


def load(model: dict, state: dict[str, Tensor], path) -> torch.nn.Module:
    torch.save({'meta': {'CLASSES': ('a', 'b')}, 'state_dict': state}, path)
    ours = MODELS.build(model)
    load_whole_model(ours, path)
    return ours.eval()


@pytest.mark.parametrize(
    ('kind', 'convolutions', 'scale', 'size'), [('PUP', 4, 2, 3), ('Naive', 1, 1, 1), ('Naive', 1, 4, 3)]
)
def test_naive_and_pup(kind, convolutions, scale, size, tmp_path):
    state = encoder_state(token=True) | draw(up_head_shapes('decode_head', convolutions, size))
    for index in range(2):
        state |= draw(up_head_shapes(f'auxiliary_head.{index}', 1, size))
    head = dict(type='mmseg_vitseg.SETRUPHead', in_channels=WIDTH, channels=CHANNELS, num_classes=CLASSES, norm_cfg=BN)
    auxiliary = dict(head, num_convs=1, up_scale=4, kernel_size=size)
    model = dict(
        type='mmseg_vitseg.EncoderDecoder',
        backbone=backbone(),
        decode_head=dict(head, in_index=3, num_convs=convolutions, up_scale=scale, kernel_size=size),
        auxiliary_head=[dict(auxiliary, in_index=index) for index in range(2)],
    )
    assert to_our_names(state, None).source.what == f"the SETR authors' {kind}"
    ours = load(model, state, tmp_path / 'x.pth')
    features = ours.backbone(torch.randn(2, 3, 32, 32))
    with torch.no_grad():
        assert_close(ours.decode_head(features), up_head(state, 'decode_head', features[3], convolutions, scale))
        for index, theirs in enumerate(ours.auxiliary_head):
            assert_close(theirs(features), up_head(state, f'auxiliary_head.{index}', features[index], 1, 4))


def mla_state() -> dict[str, Tensor]:
    shapes = {}
    for level in (2, 3, 4, 5):
        shapes |= norm_shapes(f'backbone.norm_{level - 2}', WIDTH, statistics=False)
        shapes[f'backbone.mla.mla_p{level}_1x1.0.weight'] = (CHANNELS, WIDTH, 1, 1)
        shapes[f'backbone.mla.mla_p{level}.0.weight'] = (CHANNELS, CHANNELS, 3, 3)
        for name in (f'mla_p{level}_1x1', f'mla_p{level}'):
            shapes |= norm_shapes(f'backbone.mla.{name}.1', CHANNELS)
        for first, channels in ((0, CHANNELS), (3, 8)):
            shapes[f'decode_head.mlahead.head{level}.{first}.weight'] = (8, channels, 3, 3)
            shapes |= norm_shapes(f'decode_head.mlahead.head{level}.{first + 1}', 8)
        shapes[f'auxiliary_head.{level - 2}.aux.weight'] = (CLASSES, CHANNELS, 1, 1)
    shapes |= {'decode_head.cls.weight': (CLASSES, 32, 3, 3), 'decode_head.cls.bias': (CLASSES,)}
    for head in ('decode_head', *(f'auxiliary_head.{index}' for index in range(4))):
        shapes |= {f'{head}.conv_seg.weight': (CLASSES, 12, 1, 1), f'{head}.conv_seg.bias': (CLASSES,)}  # unused
    return encoder_state(token=False) | draw(shapes)


def mla_levels(state: dict[str, Tensor], features) -> dict[int, Tensor]:
    """Their neck, in their backbone: levels p2 to p5, the deeper ones added to the shallower."""
    levels, total = {}, 0
    for level in (5, 4, 3, 2):
        x = layer_norm(state, f'backbone.norm_{level - 2}', features[level - 2])
        x = F.conv2d(x, state[f'backbone.mla.mla_p{level}_1x1.0.weight'])
        total = total + batch_norm(state, f'backbone.mla.mla_p{level}_1x1.1', x)
        x = F.conv2d(total, state[f'backbone.mla.mla_p{level}.0.weight'], padding=1)
        levels[level] = batch_norm(state, f'backbone.mla.mla_p{level}.1', x)
    return levels


def test_mla(tmp_path):
    state = mla_state()
    neck = dict(type='mmseg_vitseg.MLANeck', in_channels=[WIDTH] * 4, out_channels=CHANNELS, norm_cfg=BN)
    head = dict(num_classes=CLASSES, norm_cfg=BN)
    auxiliary = dict(head, type='FCNHead', in_channels=CHANNELS, channels=CHANNELS, num_convs=0, concat_input=False)
    model = dict(
        type='mmseg_vitseg.EncoderDecoder',
        backbone=backbone(with_cls_token=False),
        neck=dict(neck, act_cfg=dict(type='ReLU')),
        decode_head=dict(
            head,
            type='mmseg_vitseg.SETRMLAHead',
            in_channels=[CHANNELS] * 4,
            in_index=[0, 1, 2, 3],
            mla_channels=8,
            channels=32,
            classifier_size=3,
            align_corners=True,
        ),
        auxiliary_head=[dict(auxiliary, kernel_size=1, in_index=index) for index in range(4)],
    )
    ours = load(model, state, tmp_path / 'x.pth')
    with torch.no_grad():
        features = ours.backbone(torch.randn(2, 3, 32, 32))
        levels, columns = mla_levels(state, features), []
        for level in (2, 3, 4, 5):
            x = levels[level]
            for first in (0, 3):
                x = F.conv2d(x, state[f'decode_head.mlahead.head{level}.{first}.weight'], padding=1)
                x = batch_norm(state, f'decode_head.mlahead.head{level}.{first + 1}', x)
            columns.append(F.interpolate(x, scale_factor=4, mode='bilinear', align_corners=True))
        cls = state['decode_head.cls.weight'], state['decode_head.cls.bias']
        expected = F.conv2d(torch.cat(columns, dim=1), *cls, padding=1)
        necked = ours.neck(features)
        assert_close(ours.decode_head(necked), expected)
        for index, theirs in enumerate(ours.auxiliary_head):  # ours are counted from the deepest level
            expected = F.conv2d(levels[5 - index], state[f'auxiliary_head.{3 - index}.aux.weight'])
            assert_close(theirs(necked), expected)


def test_the_host_s_classifier_is_refused_for_theirs(tmp_path):
    """The host classifies 1x1: the message names the tensor and the two shapes."""
    head = dict(
        type='mmseg_vitseg.SETRMLAHead', in_channels=[CHANNELS] * 4, in_index=[0, 1, 2, 3], mla_channels=8, channels=32
    )
    neck = dict(type='mmseg_vitseg.MLANeck', in_channels=[WIDTH] * 4, out_channels=CHANNELS, norm_cfg=BN)
    model = dict(
        type='mmseg_vitseg.EncoderDecoder',
        backbone=backbone(with_cls_token=False),
        neck=neck,
        decode_head=dict(head, num_classes=CLASSES, norm_cfg=BN),
        from_scratch=[],
    )
    with pytest.raises(
        ValueError, match=r'decode_head\.conv_seg\.weight \(5, 32, 3, 3\), the model has \(5, 32, 1, 1\)'
    ):
        load(model, mla_state(), tmp_path / 'x.pth')
