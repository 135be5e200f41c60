"""Masks and labels at points, and which points of a mask are uncertain: no map is ever resized.

B batch, Q masks, h w their size, H W size of the labels, P points, R rows: masks each with points of its own.
A point is (x, y) from -1 to 1 across a map of any size. Everything is interpolated bilinearly, as ``grid_sample`` does with
``align_corners=False`` and zeros around a map.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_vitseg.ops.smallest import smallest


def corners(points: Tensor, size: tuple[int, int]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the four pixels around each point of a map of (H, W).

    Args:
        points: (..., P, 2).

    Yields:
        index (..., P), int64, in a map laid out row by row, and weight (..., P), 0 of a pixel outside the map.
    """
    height, width = size
    across = _two(points[..., 0], width)
    for down, below in _two(points[..., 1], height):
        for right, beside in across:
            yield down * width + right, below * beside


def _two(x: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
    """Return the two places next to x along one side, each with its weight."""
    x = ((x + 1) * length - 1) / 2
    first = x.floor()
    part = x - first
    return [
        (first.clamp(min=0).long(), (1 - part) * (first >= 0)),
        ((first + 1).clamp(max=length - 1).long(), part * (first < length - 1)),
    ]


def all_at_points(masks: Tensor, points: Tensor) -> Tensor:
    """Return all masks of an image (B, Q, h, w) at the same points (B, P, 2): (B, P, Q)."""
    batch, queries, height, width = masks.shape
    table = masks.new_empty(batch, height * width, queries)  # what a point needs stands together
    for each, mask in zip(table, masks, strict=True):
        each.copy_(mask.flatten(1).T)  # of two dimensions, CPUs do this in blocks
    index, weight = (torch.stack(four, -1) for four in zip(*corners(points, (height, width)), strict=True))
    index += _first_pixels(batch, height * width, masks.device)[:, None, None]
    found = F.embedding_bag(
        index.flatten(0, 1), table.flatten(0, 1), per_sample_weights=weight.flatten(0, 1), mode='sum'
    )
    return found.unflatten(0, (batch, -1))


def rows_at_points(rows: Tensor, points: Tensor) -> Tensor:
    """Return each mask (R, h, w) at its own points (R, P, 2): (R, P); differentiable by the masks."""
    return F.grid_sample(rows[:, None], points[:, :, None], align_corners=False)[:, 0, :, 0]


def labels_at_points(labels: Tensor, points: Tensor, count: int) -> Tensor:
    """Return the masks of all labels at the same points.

    Args:
        labels: (B, H, W), integers from 0 to ``count``; the last has no mask.
        points: (B, P, 2).

    Returns:
        (B, P, count), of the points' dtype.
    """
    flat = labels.flatten(1)
    index, weight = (torch.stack(four, -1) for four in zip(*corners(points, tuple(labels.shape[1:])), strict=True))
    found = flat.gather(1, index.flatten(1)).view_as(index).long()  # (B, P, 4)
    return weight.new_zeros(*points.shape[:2], count + 1).scatter_add_(2, found, weight)[..., :count]


def label_at_points(labels: Tensor, image: Tensor, label: Tensor, points: Tensor) -> Tensor:
    """Return the mask of one label at points.

    Args:
        labels: (B, H, W), integers.
        image, label: (R,), int64: the mask of which label in which image.
        points: (R, P, 2).

    Returns:
        (R, P), of the points' dtype.
    """
    batch, height, width = labels.shape
    flat, label = labels.flatten(), label.to(labels.dtype)[:, None]
    first = _first_pixels(batch, height * width, labels.device)[image, None]
    found = points.new_zeros(points.shape[:-1])
    for index, weight in corners(points, (height, width)):
        found += weight * (flat.index_select(0, (index + first).flatten()).view_as(index) == label)
    return found


def _first_pixels(batch: int, pixels: int, device: torch.device) -> Tensor:
    """Return where each map of a batch begins, (B,), int64."""
    return torch.arange(0, batch * pixels, pixels, device=device)


@torch.no_grad()
def uncertain_points(rows: Tensor, count: int, oversample_ratio: float, importance_ratio: float) -> Tensor:
    """Draw points of masks (R, h, w), most of them where a logit is nearest to zero (PointRend, arXiv 1912.08193).

    Of ``count * oversample_ratio`` points drawn, the most uncertain are kept, ``importance_ratio`` of the result; the
    others are drawn anew.

    Returns:
        (R, count, 2), of the masks' dtype.
    """
    drawn = uniform_points(rows, len(rows), int(count * oversample_ratio))
    uncertain = int(count * importance_ratio)
    found = smallest(rows_at_points(rows, drawn).abs_(), uncertain)
    kept = drawn.gather(1, found[..., None].expand(-1, -1, 2))
    return torch.cat((kept, uniform_points(rows, len(rows), count - uncertain)), 1)


def uniform_points(like: Tensor, batch: int, count: int) -> Tensor:
    """Draw points (batch, count, 2) of a tensor's dtype and on its device, in float32 whatever the dtype."""
    return torch.rand(batch, count, 2, device=like.device).to(like.dtype).mul_(2).sub_(1)
