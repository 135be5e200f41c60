"""The smallest numbers of each row, against a sort."""

import pytest
import torch
from torch.library import opcheck

from mmseg_vitseg.ops.smallest import smallest


@pytest.mark.parametrize('count', [0, 1, 7, 19, 20])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_equals_a_sort(count, dtype):
    x = torch.randn(3, 20, dtype=dtype)
    x[0, 4] = torch.nan
    found = smallest(x, count)
    assert found.dtype == torch.int64
    assert torch.equal(found.sort().values, x.argsort()[:, :count].sort().values)
    assert smallest(x[:0], count).shape == (0, count)


def test_is_an_operator():
    opcheck(torch.ops.mmseg_vitseg.smallest.default, (torch.randn(3, 9), 4))
