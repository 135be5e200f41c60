"""Bilinear resizing, cropping and flipping, in any sequence, as one matrix for the rows and one for the columns.

B batch, K classes, h w size in, H W size out. Each of these steps treats rows and columns apart, alike in every channel: it
maps x to R x C^T. So does any sequence of them, with the product of the R's and the product of the C's, and so do sums of
windows divided by how many cover a pixel. A strip of the result can then be computed from the few rows of x that it comes
from, and the whole is never needed. The weights are torch's own: a matrix is the identity, resized by torch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

COLUMN_BLOCK = 64  # columns made by one matrix product, from the few that they come from
STRIP_BYTES = {
    'cpu': 2**21,
    'default': 2**26,
}  # a strip of logits: the second-level cache of a core; enough to fill a GPU


class Band(NamedTuple):
    """Rows ``start`` to ``stop`` of a matrix, without the columns in which they are all zero."""

    start: int
    stop: int
    used: slice | Tensor  # the other columns
    weights: Tensor  # (stop - start, columns used)


@dataclass(frozen=True, eq=False)
class Resampling:
    """x (..., h, w) to R x C^T (..., H, W).

    Args:
        rows: R, (H, h), float32.
        columns: C, (W, w), float32.
    """

    rows: Tensor
    columns: Tensor

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return len(self.rows), len(self.columns)

    def resized(self, size: Sequence[int], align_corners: bool) -> 'Resampling':
        """Resize the result bilinearly to (H, W)."""
        if tuple(size) == self.size:
            return self
        rows, columns = (
            F.interpolate(matrix.T[None], size=length, mode='linear', align_corners=align_corners)[0].T
            for matrix, length in zip((self.rows, self.columns), size, strict=True)
        )
        return Resampling(rows, columns)

    def cropped(self, top: int, bottom: int, left: int, right: int) -> 'Resampling':
        """Keep rows ``top`` to ``bottom`` and columns ``left`` to ``right`` of the result."""
        return Resampling(self.rows[top:bottom], self.columns[left:right])

    def flipped(self, direction: str) -> 'Resampling':
        """Flip the result, ``horizontal`` or ``vertical``."""
        if direction == 'horizontal':
            return Resampling(self.rows, self.columns.flip(0))
        assert direction == 'vertical', direction
        return Resampling(self.rows.flip(0), self.columns)


def unchanged(size: Sequence[int]) -> Resampling:
    """Return the resampling of (h, w) that changes nothing."""
    rows, columns = (torch.eye(length) for length in size)
    return Resampling(rows, columns)


@lru_cache(maxsize=8)
def resizings(size: tuple[int, int], sizes: tuple[tuple[int, int], ...], align_corners: bool) -> Resampling:
    """Return the resampling of (h, w) to each of ``sizes`` in turn, remembered: training asks for the same again."""
    result = unchanged(size)
    for one in sizes:
        result = result.resized(one, align_corners)
    return result


class Strips:
    """A resampled map (K, h, w) in strips of rows.

    Args:
        resampling: of the map, to (H, W).
        classes: K.
        like: gives dtype and device of what is computed.
    """

    def __init__(self, resampling: Resampling, classes: int, like: Tensor):
        budget = STRIP_BYTES.get(like.device.type, STRIP_BYTES['default'])
        self.classes, self.width = classes, resampling.size[1]
        self.rows = _bands(resampling.rows, max(1, budget // (classes * self.width * like.element_size())), like)
        self.columns = _bands(resampling.columns, COLUMN_BLOCK, like)

    def __iter__(self) -> Iterator[Band]:
        """Yield a band of rows for each strip."""
        return iter(self.rows)

    def forward(self, x: Tensor, band: Band) -> Tensor:
        """Return the strip (r, K, W) of the resampled map (h, K, w)."""
        x = x[band.used]
        wide = x.new_empty(len(x), self.classes, self.width)
        for block in self.columns:
            wide[..., block.start : block.stop] = x[..., block.used] @ block.weights.T
        return (band.weights @ wide.flatten(1)).view(-1, self.classes, self.width)

    def backward(self, strip: Tensor, gradient: Tensor, band: Band) -> None:
        """Add to ``gradient`` (h, K, w), the map's, what comes from the gradient (r, K, W) of a strip."""
        wide = (band.weights.T @ strip.flatten(1)).view(-1, self.classes, self.width)
        narrow = torch.zeros_like(gradient[band.used])
        for block in self.columns:
            narrow[..., block.used] += wide[..., block.start : block.stop] @ block.weights
        gradient[band.used] += narrow


def _bands(matrix: Tensor, height: int, like: Tensor) -> list[Band]:
    """Cut a banded matrix (m, n) into bands of ``height`` rows."""
    found = []
    for start in range(0, len(matrix), height):
        rows = matrix[start : start + height]
        used = rows.ne(0).any(0).nonzero().flatten()
        weights = rows[:, used].to(like)
        first, last = used[0].item(), used[-1].item() + 1
        used = slice(first, last) if last - first == len(used) else used.to(like.device)
        found.append(Band(start, start + len(rows), used, weights))
    return found
