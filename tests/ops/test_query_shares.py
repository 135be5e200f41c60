"""Attention with its queries in shares against torch's own of the same queries."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mmseg_vitseg.models.layers import attend
from mmseg_vitseg.models.mit_layers import EfficientAttention
from mmseg_vitseg.ops import query_shares
from mmseg_vitseg.ops.query_shares import in_shares, queries_in_shares, shares_for


@pytest.mark.parametrize('shares', [1, 3, 12])
def test_values_and_gradients_are_torchs(shares):
    q, k, v = (torch.randn(2, 3, count, 8, requires_grad=True) for count in (12, 5, 5))
    weights = torch.randn(2, 12, 24)
    expected = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
    found = attend(*in_shares(q, k, v, shares), 0.0).view(2, 12, 24)
    assert_close(found, expected)
    gradients = (torch.autograd.grad((one * weights).sum(), (q, k, v)) for one in (found, expected))
    assert_close(*gradients)


def test_mits_attention(monkeypatch):
    """Where queries are in shares, as on a GPU."""
    attention = EfficientAttention(
        embed_dims=16,
        num_heads=2,
        sr_ratio=2,
        qkv_bias=True,
        attn_drop_rate=0.0,
        drop_rate=0.0,
        norm_cfg=dict(type='LN'),
    )
    x = torch.randn(2, 8, 6, 16)
    expected = attention(x)
    monkeypatch.setattr('mmseg_vitseg.models.mit_layers.queries_in_shares', lambda *qkv: in_shares(*qkv, 4))
    assert_close(attention(x), expected)


@pytest.mark.parametrize(
    ('batch', 'heads', 'queries', 'keys', 'shares'),
    [
        (8, 1, 128 * 128, 256, 8),  # 32 blocks of 132 multiprocessors
        (8, 2, 64 * 64, 256, 1),  # 64, which gained nothing
        (2, 2, 64 * 64, 256, 16),
        (1, 1, 128 * 128, 256, 32),
        (1, 1, 3 * 5, 15, 1),  # no power of two
    ],
)
def test_as_many_blocks_as_an_h200_has_multiprocessors(batch, heads, queries, keys, shares):
    q, k = (torch.empty(batch, heads, count, 4, device='meta') for count in (queries, keys))
    assert shares_for(q, k, 132) == shares


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
def test_on_a_gpu():
    q, k, v = (torch.randn(2, 1, count, 32, device='cuda', requires_grad=True) for count in (4096, 256, 256))
    assert len(queries_in_shares(q, k, v)[0]) == 2 * shares_for(q, k, query_shares._multiprocessors(q.device)) > 2
    found, expected = (attend(*qkv, 0.0).view(2, 4096, 32) for qkv in (queries_in_shares(q, k, v), (q, k, v)))
    assert_close(found, expected)
    weights = torch.randn_like(found)
    assert_close(*(torch.autograd.grad((one * weights).sum(), (q, k, v)) for one in (found, expected)))
