"""Convolutions, Mix-FFN and attention, with their gradients: ours in turn with the plain order, or with the host's."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from mmseg.models.backbones.mit import EfficientMultiheadAttention
from mmseg.models.backbones.mit import MixFFN as HostMixFFN
from torch import Tensor, nn

from gpu.session import Session, autocast, precision
from mmseg_vitseg.models.mit_layers import EfficientAttention, MixFFN
from mmseg_vitseg.ops.reorder import conv3x3_of_upsampled, upsample

KINDS = ('float32', 'default', 'bfloat16')  # of PRECISIONS
LAYOUTS = {'channels first': torch.contiguous_format, 'channels last': torch.channels_last}


def gradients(session: Session, kind: str, compute: Callable[[], Tensor], *leaves: Tensor) -> None:
    """Compute something and its gradients in a precision."""
    for leaf in leaves:
        leaf.grad = None
    with precision(kind):
        with autocast(kind, session.device):
            out = compute()
        out.backward(torch.ones_like(out))


def convolutions(session: Session) -> None:
    """3x3 of an upsampled map, in the plain order and reordered."""
    channels = 8 if session.quick else 256
    for scale, side in ((2, 8 if session.quick else 128), (4, 8 if session.quick else 32)):
        for layout, memory_format in LAYOUTS.items():
            x = torch.randn(2, channels, side, side, device=session.device)
            x = x.contiguous(memory_format=memory_format).requires_grad_()
            weight = torch.randn(channels, channels, 3, 3, device=session.device).mul_(0.02).requires_grad_()
            for kind in KINDS:
                z = partial(x.to, torch.bfloat16 if kind == 'bfloat16' else torch.float32)
                ways = {
                    'reordered': lambda z=z, w=weight, s=scale: conv3x3_of_upsampled(z(), w, None, s),
                    'plain': lambda z=z, w=weight, s=scale: F.conv2d(upsample(z(), s, False), w, padding=1),
                }
                steps = {name: partial(gradients, session, kind, way, x, weight) for name, way in ways.items()}
                session.in_turn('3x3 of upsampled', steps, case=f'x{scale} from {side}', dtype=kind, layout=layout)


def depthwise(session: Session) -> None:
    """The Mix-FFN's depthwise convolution, in both layouts."""
    channels, side = (8, 16) if session.quick else (128, 128)
    weight = torch.randn(channels, 1, 3, 3, device=session.device, requires_grad=True)
    x = torch.randn(8, channels, side, side, device=session.device)
    maps = {name: x.contiguous(memory_format=LAYOUTS[name]).requires_grad_() for name in reversed(LAYOUTS)}
    for kind in KINDS:
        steps = {}
        for name, leaf in maps.items():
            compute = partial(F.conv2d, leaf, weight, padding=1, groups=channels)
            steps[name] = partial(gradients, session, kind, compute, leaf, weight)
        session.in_turn('depthwise 3x3', steps, case=f'{channels} channels, {side}x{side}', dtype=kind)


def mix_ffn(session: Session) -> None:
    """B0's first Mix-FFN, ours and the host's."""
    width, side = (8, 16) if session.quick else (32, 128)
    ours = MixFFN(embed_dims=width, hidden_dims=4 * width, act_cfg=dict(type='GELU'), drop_rate=0.0)
    host = HostMixFFN(width, 4 * width)
    both(session, 'Mix-FFN', ours, host, width, side)


def attention(session: Session) -> None:
    """B0's attention in its first three stages: ours and the host's."""
    stages = ((8, 1, 2, 16),) if session.quick else ((32, 1, 8, 128), (64, 2, 4, 64), (160, 5, 2, 32))
    for width, heads, reduction, side in stages:
        options: dict[str, Any] = dict(embed_dims=width, num_heads=heads, sr_ratio=reduction, qkv_bias=True)
        ours = EfficientAttention(**options, attn_drop_rate=0.0, drop_rate=0.0, norm_cfg=dict(type='LN'))
        host = EfficientMultiheadAttention(**options, norm_cfg=dict(type='LN'))
        both(session, 'attention', ours, host, width, side)


def both(session: Session, what: str, ours: nn.Module, host: nn.Module, width: int, side: int) -> None:
    """Measure a layer of MiT's on 8 maps: (B, h, w, D) for ours, (B, h w, D) and (h, w) for the host's."""
    ours, host = ours.to(session.device), host.to(session.device)
    x = torch.randn(8, side, side, width, device=session.device, requires_grad=True)
    runs: dict[str, Callable[[], Tensor]] = {
        'ours': partial(ours, x),
        'host': lambda: host(x.flatten(1, 2), (side, side)),
    }
    for kind in KINDS:
        leaves = (x, *ours.parameters(), *host.parameters())
        steps = {name: partial(gradients, session, kind, way, *leaves) for name, way in runs.items()}
        session.in_turn(what, steps, case=f'width {width}, {side}x{side}', dtype=kind)
