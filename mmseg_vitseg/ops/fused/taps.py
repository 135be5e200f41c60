"""A sparse matrix as tables: what a kernel reads of a resampling.

h w size of the logits, H W size of the result.
"""

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from mmseg_vitseg.ops.resampling import Resampling, matrix_of


class Taps(NamedTuple):
    """The entries of a matrix (n, m) that are not zero, at most T a row; a row with fewer is filled up with zeros."""

    index: Tensor  # (n, T), int32, columns of the matrix
    weight: Tensor  # (n, T), float32


class Tables(NamedTuple):
    """A resampling x -> R x C^T: pixel (y, x) is a sum over the taps of row y of R and of row x of C.

    The gradient of a logit in row r and column c is a sum over the taps of row r of R^T and of row c of C^T.
    """

    rows: Taps  # of R, (H, h)
    columns: Taps  # of C, (W, w)
    reached_rows: Taps  # of R^T, (h, H)
    reached_columns: Taps  # of C^T, (w, W)


def tables_of(resampling: Resampling, device: torch.device) -> Tables:
    """Return the tables of a resampling, on a device."""
    sides = resampling.down.steps, resampling.across.steps
    return Tables(*(_taps_of(side, reached, device) for reached in (False, True) for side in sides))


@lru_cache(maxsize=128)  # a copy to the device waits: once a size
def _taps_of(steps: tuple[int, ...], transposed: bool, device: torch.device) -> Taps:
    matrix = matrix_of(steps)
    index, weight = taps(matrix.T if transposed else matrix)
    return Taps(index.to(device), weight.to(device))


def taps(matrix: Tensor) -> Taps:
    """Return the taps of a matrix (n, m), in the order of its columns."""
    row, column = matrix.nonzero().unbind(1)
    count = matrix.count_nonzero(1)
    place = torch.arange(len(row), device=row.device) - (count.cumsum(0) - count)[row]  # which of its row's taps
    size = len(matrix), max(1, int(count.max()))
    # what fills up has the row's own first column: no logit but its own may be infinite times zero
    index = matrix.ne(0).int().argmax(1, keepdim=True).repeat(1, size[1])
    weight = matrix.new_zeros(size)
    index[row, place], weight[row, place] = column, matrix[row, column]
    return Taps(index.int(), weight)
