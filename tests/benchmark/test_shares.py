"""Attention with its queries in shares, a candidate of benchmarks/gpu, against torch's own of the same queries."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from gpu.shares import attend_in_shares, shares_for


@pytest.mark.parametrize('shares', [1, 3, 12])
def test_values_and_gradients_are_torchs(shares):
    q, k, v = (torch.randn(2, 3, count, 8, requires_grad=True) for count in (12, 5, 5))
    weights = torch.randn(2, 3, 12, 8)
    expected = F.scaled_dot_product_attention(q, k, v)
    found = attend_in_shares(q, k, v, shares)
    assert_close(found, expected)
    gradients = (torch.autograd.grad((one * weights).sum(), (q, k, v)) for one in (found, expected))
    assert_close(*gradients)


@pytest.mark.parametrize(
    ('batch', 'heads', 'queries', 'keys', 'times', 'shares'),
    [
        (8, 1, 128 * 128, 256, 1, 8),  # 32 blocks; 5 would do, and is no divisor
        (8, 1, 128 * 128, 256, 4, 32),
        (8, 2, 64 * 64, 256, 1, 4),
        (8, 5, 32 * 32, 256, 1, 1),
        (1, 1, 3 * 5, 15, 1, 15),
    ],
)
def test_as_many_blocks_as_an_h200_has_multiprocessors(batch, heads, queries, keys, times, shares):
    q, k = (torch.empty(batch, heads, count, 4, device='meta') for count in (queries, keys))
    assert shares_for(q, k, times) == shares
