"""A resampling as tables: what they hold is the matrices."""

import pytest
import torch

from mmseg_vitseg.ops.fused.taps import tables_of, taps
from mmseg_vitseg.ops.resampling import unchanged

CPU = torch.device('cpu')


def matrix(table, columns):
    return torch.zeros(len(table.index), columns).scatter_add_(1, table.index.long(), table.weight)


@pytest.mark.parametrize(
    'chain',
    [
        unchanged((5, 7)),
        unchanged((5, 7)).resized((20, 28), False),
        unchanged((5, 7)).resized((20, 28), True).cropped(1, 19, 3, 20).flipped('horizontal').resized((31, 17), False),
        unchanged((5, 7)).resized((2, 3), False),
        unchanged((3, 4)).resized((12, 8), False).repeated([0, 5, 8], [0, 3], (20, 11)),
    ],
)
def test_they_are_the_matrices(chain):
    tables = tables_of(chain, CPU)
    for table, expected in zip(tables, (chain.rows, chain.columns, chain.rows.T, chain.columns.T), strict=True):
        assert (table.index.dtype, table.weight.dtype) == (torch.int32, torch.float32)
        assert table.index.shape[1] == expected.count_nonzero(1).max().clamp(1)
        assert torch.equal(matrix(table, expected.shape[1]), expected)


def test_a_row_is_filled_up_with_its_own_first_column():
    table = taps(torch.tensor([[0.0, 2.0, 3.0], [0.0, 0.0, 4.0], [0.0, 0.0, 0.0]]))
    assert table.index.tolist() == [[1, 2], [2, 2], [0, 0]]
    assert table.weight.tolist() == [[2, 3], [4, 0], [0, 0]]


def test_equal_resamplings_share_tables():
    one, other = (unchanged((5, 7)).resized((20, 28), False) for _ in range(2))
    assert all(a.index is b.index for a, b in zip(tables_of(one, CPU), tables_of(other, CPU), strict=True))
