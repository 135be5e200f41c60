"""Autocast on the meta device: the casts that CUDA's would make."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmseg_vitseg.benchmark.counting.autocast import FULL, HALF, autocast
from mmseg_vitseg.benchmark.counting.counter import Counter
from mmseg_vitseg.benchmark.counting.stand_ins import StandIns
from mmseg_vitseg.benchmark.counting.steps import count_step
from mmseg_vitseg.benchmark.variants import Settings, Variant
from mmseg_vitseg.machine import without_autocast

META = torch.device('meta')
LINEAR, ATTENTION = nn.Linear(8, 8, device=META), nn.MultiheadAttention(8, 2, batch_first=True, device=META)
X = torch.empty(2, 4, 8, device=META)
MADE_OF_OTHERS = {'__rmatmul__', 'cross_entropy_loss', 'nll_loss_nd'}


@pytest.mark.parametrize('name', sorted((HALF | FULL) - MADE_OF_OTHERS))
def test_torch_casts_it_on_cuda(name):
    packet = getattr(torch.ops.aten, name.strip('_'))
    operators = [getattr(packet, overload).name() for overload in packet.overloads()]
    cuda = torch._C.DispatchKey.AutocastCUDA
    assert any(torch._C._dispatch_has_kernel_for_dispatch_key(operator, cuda) for operator in operators)


@pytest.mark.parametrize(
    ('call', 'dtype', 'casts'),
    [
        (lambda: LINEAR(X), torch.half, 3),
        (lambda: LINEAR(LINEAR(X)), torch.half, 3),  # the weights' are kept
        (lambda: X @ X.transpose(1, 2), torch.half, 2),
        (lambda: F.layer_norm(X.half(), (8,)), torch.float, 2),  # one here
        (lambda: X.half().softmax(1), torch.float, 2),
        (lambda: F.interpolate(X.half()[None], (9, 9), mode='bilinear'), torch.float, 2),
        (lambda: F.gelu(X), torch.float, 0),
        (lambda: X.double() @ X.double().transpose(1, 2), torch.double, 2),  # none of them autocast's
        (
            lambda: ATTENTION(X, X, X, need_weights=False)[0],
            torch.half,
            5,
        ),  # within torch's own function: X and weights
    ],
)
def test_casts(call, dtype, casts):
    with Counter() as counter, StandIns(counter), autocast(torch.float16):
        assert call().dtype == dtype
    assert counter.counts.launches['_to_copy'] == casts


def test_parts_of_weights_are_not_taken_for_one_another():
    """In inference mode they are leaves too; each is gone before the next one is made, which may lie in its place."""
    with Counter() as counter, StandIns(counter), autocast(torch.float16), torch.inference_mode():
        ATTENTION(X, X[:, :3], X[:, :3], need_weights=False)
        for width in (1, 2, 3):
            assert F.linear(X, LINEAR.weight[:width], LINEAR.bias[:width]).shape == (2, 4, width)


def test_the_switch():
    with autocast(torch.bfloat16):
        assert torch.get_autocast_dtype('cuda') == torch.bfloat16
        with without_autocast(META):
            assert not torch.is_autocast_enabled('cuda')
        assert torch.is_autocast_enabled('cuda')
    assert not torch.is_autocast_enabled('cuda')
    with autocast(None):
        assert not torch.is_autocast_enabled('cuda')


@pytest.mark.parametrize('kind', ['config', 'stock', 'hf'])
def test_a_step(tiny, kind):
    if kind == 'hf':
        pytest.importorskip('transformers', reason='transformers is not installed')
    full, half = (
        count_step(Variant(kind, tiny['segformer'], kind), Settings('train', (64, 64), 2, dtype))
        for dtype in ('float32', 'bfloat16')
    )
    casts = half.launches['_to_copy'] - full.launches['_to_copy']
    assert casts > 100
    assert half.moved < full.moved
    assert (
        half.launches['_scaled_dot_product_flash_attention'] == full.launches['_scaled_dot_product_efficient_attention']
    )
    assert half.launches['mm'] == full.launches['mm']
