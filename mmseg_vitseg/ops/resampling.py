"""Bilinear resizing, cropping and flipping, in any sequence, as one matrix for the rows and one for the columns.

B batch, K classes, h w size in, H W size out. Each of these steps treats rows and columns apart, alike in every channel: it
maps x to R x C^T. So does any sequence of them, with the product of the R's and the product of the C's, and so do sums of
windows divided by how many cover a pixel. A strip of the result can then be computed from the few rows of x that it comes
from, and the whole is never needed. The weights are torch's own: a matrix is the identity, resized by torch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

# a strip of logits: the second-level cache of a core; on a GPU, where a launch costs more than zeros, few strips
STRIP_BYTES = {'cpu': 2**21, 'default': 2**28}
COLUMN_BLOCK = 64  # on a CPU, columns made by one matrix product, from the few that they come from


class Band(NamedTuple):
    """Rows ``start`` to ``stop`` of a matrix, without the columns in which they are all zero."""

    start: int
    stop: int
    used: slice | Tensor  # the other columns
    weights: Tensor  # (stop - start, columns used)


@dataclass(frozen=True)
class Side:
    """What is done to the rows of a map, or to its columns, step by step; equal ones have equal matrices.

    Args:
        length: how many there are in the end.
        steps: how many there were, then of each step its kind and its numbers, as :func:`matrix_of` reads them.
    """

    length: int
    steps: tuple[int, ...]

    def resized(self, length: int, align_corners: bool) -> 'Side':
        """Resize to another length, linearly."""
        return Side(length, (*self.steps, RESIZE, length, int(bool(align_corners)))) if length != self.length else self

    def cropped(self, start: int, stop: int) -> 'Side':
        """Keep ``start`` to ``stop``."""
        stop = min(stop, self.length)
        return Side(stop - start, (*self.steps, CROP, start, stop))

    def flipped(self) -> 'Side':
        """Turn round."""
        return Side(self.length, (*self.steps, FLIP))

    def repeated(self, starts: Sequence[int], length: int) -> 'Side':
        """Take this for one of several windows of ``length``, which start at ``starts``; where they overlap, average."""
        return Side(length, (*self.steps, REPEAT, length, len(starts), *starts))


RESIZE, CROP, FLIP, REPEAT = range(4)


@lru_cache(maxsize=64)
def matrix_of(steps: tuple[int, ...]) -> Tensor:
    """Return the matrix (m, n), float32, of the steps of a side."""
    numbers = iter(steps)
    matrix = torch.eye(next(numbers), device='cpu')  # whatever torch's default device is while it is made
    for kind in numbers:
        if kind == RESIZE:
            length, align_corners = next(numbers), bool(next(numbers))
            matrix = F.interpolate(matrix.T[None], size=length, mode='linear', align_corners=align_corners)[0].T
        elif kind == CROP:
            matrix = matrix[next(numbers) : next(numbers)]
        elif kind == FLIP:
            matrix = matrix.flip(0)
        else:
            length, count = next(numbers), next(numbers)
            matrix = _repeated(matrix, [next(numbers) for _ in range(count)], length)
    return matrix


def _repeated(matrix: Tensor, starts: Sequence[int], length: int) -> Tensor:
    """Put a matrix (m, n) at each of ``starts`` of a longer one, side by side: (length, len(starts) n)."""
    placed, covered = [], matrix.new_zeros(length, 1)
    for start in starts:
        window = matrix.new_zeros(length, matrix.shape[1])
        window[start : start + len(matrix)] = matrix
        covered[start : start + len(matrix)] += 1
        placed.append(window)
    assert covered.all(), (starts, len(matrix), length)
    return torch.cat(placed, dim=1) / covered


@dataclass(frozen=True)
class Resampling:
    """x (..., h, w) to R x C^T (..., H, W).

    Args:
        down: what is done to the rows.
        across: what is done to the columns.
    """

    down: Side
    across: Side

    @property
    def rows(self) -> Tensor:
        """R, (H, h), float32."""
        return matrix_of(self.down.steps)

    @property
    def columns(self) -> Tensor:
        """C, (W, w), float32."""
        return matrix_of(self.across.steps)

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.down.length, self.across.length

    def resized(self, size: Sequence[int], align_corners: bool) -> 'Resampling':
        """Resize the result bilinearly to (H, W)."""
        height, width = size
        return Resampling(self.down.resized(height, align_corners), self.across.resized(width, align_corners))

    def cropped(self, top: int, bottom: int, left: int, right: int) -> 'Resampling':
        """Keep rows ``top`` to ``bottom`` and columns ``left`` to ``right`` of the result."""
        return Resampling(self.down.cropped(top, bottom), self.across.cropped(left, right))

    def flipped(self, direction: str) -> 'Resampling':
        """Flip the result, ``horizontal`` or ``vertical``."""
        if direction == 'horizontal':
            return Resampling(self.down, self.across.flipped())
        assert direction == 'vertical', direction
        return Resampling(self.down.flipped(), self.across)

    def repeated(self, tops: Sequence[int], lefts: Sequence[int], size: Sequence[int]) -> 'Resampling':
        """Put the result at each of ``tops`` and ``lefts`` of (H, W); where these windows overlap, average them.

        Rows and columns can still be treated apart: how many windows cover a pixel is a product of a row's and a column's.
        What is resampled are then all windows' maps in one, (..., len(tops) h, len(lefts) w), side by side.
        """
        height, width = size
        return Resampling(self.down.repeated(tops, height), self.across.repeated(lefts, width))


def resampling_of(size: Sequence[int], down: Sequence[int], across: Sequence[int]) -> Resampling:
    """Return the resampling to (H, W) that an operator gets as the steps of its sides."""
    height, width = size
    return Resampling(Side(height, tuple(down)), Side(width, tuple(across)))


def unchanged(size: Sequence[int]) -> Resampling:
    """Return the resampling of (h, w) that changes nothing."""
    height, width = size
    return Resampling(Side(height, (height,)), Side(width, (width,)))


def resizings(size: tuple[int, int], sizes: tuple[tuple[int, int], ...], align_corners: bool) -> Resampling:
    """Return the resampling of (h, w) to each of ``sizes`` in turn."""
    result = unchanged(size)
    for one in sizes:
        result = result.resized(one, align_corners)
    return result


class Strips:
    """Resampled maps (..., h, K, w) in strips of rows.

    Args:
        resampling: of the maps, to (H, W).
        classes: K.
        like: gives dtype and device of what is computed.
        images: how many maps there are, if more than one; a strip is then one map's on a CPU, of all of them elsewhere.
    """

    def __init__(self, resampling: Resampling, classes: int, like: Tensor, images: int = 1):
        kind = like.device.type
        self.images = range(images) if kind == 'cpu' else [slice(images)]  # of a strip
        together = 1 if kind == 'cpu' else images
        self.classes, self.width = classes, resampling.size[1]
        row = together * classes * self.width * like.element_size()
        height = max(1, STRIP_BYTES.get(kind, STRIP_BYTES['default']) // row)
        self.rows = bands(resampling.down.steps, height, like.dtype, like.device)
        self.columns = column_blocks(resampling.across, like)

    def __iter__(self) -> Iterator[Band]:
        """Yield a band of rows for each strip of a map."""
        return iter(self.rows)

    def of_batch(self) -> Iterator[tuple[int | slice, Band]]:
        """Yield which image or images each strip is of, and its band of rows."""
        return product(self.images, self.rows)

    def forward(self, x: Tensor, band: Band) -> Tensor:
        """Return the strip (..., r, K, W) of the resampled maps (..., h, K, w)."""
        wide = widened(x[..., band.used, :, :], self.columns)
        return (band.weights @ wide.flatten(-2)).unflatten(-1, (self.classes, self.width))

    def backward(self, strip: Tensor, gradient: Tensor, band: Band) -> None:
        """Add to ``gradient`` (..., h, K, w), the maps', what comes from the gradient (..., r, K, W) of a strip."""
        wide = (band.weights.T @ strip.flatten(-2)).unflatten(-1, (self.classes, self.width))
        narrow = wide.new_zeros(*wide.shape[:-1], gradient.shape[-1])
        for block in self.columns:
            _add(narrow, -1, block.used, wide[..., block.start : block.stop] @ block.weights)
        _add(gradient, -3, band.used, narrow)


def _add(total: Tensor, dim: int, used: slice | Tensor, share: Tensor) -> None:
    """Add to a part of a tensor; ``total[used] += share`` copies that part onto itself afterwards."""
    if isinstance(used, slice):
        total.narrow(dim, used.start, used.stop - used.start).add_(share)
    else:
        total.index_add_(dim, used, share)


def column_blocks(side: Side, like: Tensor) -> list[Band]:
    """Cut the columns of a side into the blocks that are computed at once."""
    return bands(side.steps, COLUMN_BLOCK if like.device.type == 'cpu' else side.length, like.dtype, like.device)


def widened(x: Tensor, columns: Sequence[Band]) -> Tensor:
    """Return maps (..., w) with all their columns (..., W), block by block."""
    if len(columns) == 1:
        return x[..., columns[0].used] @ columns[0].weights.T
    wide = x.new_empty(*x.shape[:-1], columns[-1].stop)
    for block in columns:
        wide[..., block.start : block.stop] = x[..., block.used] @ block.weights.T
    return wide


@lru_cache(maxsize=64)
def bands(steps: tuple[int, ...], height: int, dtype: torch.dtype, device: torch.device) -> list[Band]:
    """Cut the matrix of a side into bands of ``height`` rows."""
    matrix = matrix_of(steps)
    return [band_of(matrix[start : start + height], start, dtype, device) for start in range(0, len(matrix), height)]


def band_of(rows: Tensor, start: int, dtype: torch.dtype, device: torch.device) -> Band:
    """Return rows of a matrix, on the CPU, of which the first is row ``start``."""
    used = rows.ne(0).any(0).nonzero().flatten()
    weights = rows[:, used].to(device, dtype)
    first, last = used[0].item(), used[-1].item() + 1
    used = slice(first, last) if last - first == len(used) else used.to(device)
    return Band(start, start + len(rows), used, weights)
