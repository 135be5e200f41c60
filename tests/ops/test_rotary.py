"""The rotation: its two forms agree, its gradient is the rotation back, and angles depend on distances alone."""

import pytest
import torch
from torch.testing import assert_close

from mmseg_vitseg.ops.rotary import rotary_periods, rotary_table, rotated


@pytest.mark.parametrize('extra', [0, 3])
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_in_place_and_as_a_graph_it_is_the_same(dtype, extra, monkeypatch):
    table = rotary_table((2, 3), rotary_periods(100.0, 8))
    given = torch.randn(2, extra + 6, 3, 4, 8, dtype=dtype)
    weights = torch.randn(3, 2, 4, extra + 6, 8)
    results = []
    for traced in (False, True):
        monkeypatch.setattr(torch.jit, 'is_tracing', lambda traced=traced: traced)
        qkv = given.clone().requires_grad_()
        parts = rotated(qkv * 1, table)
        sum((part * weight).sum() for part, weight in zip(parts, weights, strict=True)).backward()
        results.append((*parts, qkv.grad))
    for one, other in zip(*results, strict=True):
        assert one.dtype == dtype
        assert_close(one, other)


def test_products_depend_on_distances_alone():
    """Of the same query and key, on a line of 8 patches."""
    table = rotary_table((1, 8), rotary_periods(100.0, 8))
    vectors = torch.randn(3, 1, 8)
    q, k, _ = rotated(vectors.expand(1, 8, 3, 1, 8).clone(), table)
    products = (q @ k.mT)[0, 0]
    assert_close(products[1:, 1:], products[:-1, :-1], rtol=1e-4, atol=1e-5)
    assert products.std() > 0.01
