"""Masks and labels at points, and which points of a mask are uncertain: no map is ever resized.

B batch, Q masks, h w their size, H W size of the labels, P points, R rows: masks each with points of its own.
A point is (x, y) from -1 to 1 across a map of any size. Everything is interpolated bilinearly, as ``grid_sample`` does with
``align_corners=False`` and zeros around a map.
"""

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_vitseg.machine import as_on_cuda

DRAWN_AT_ONCE = 2**20  # points, of 8 bytes and as many for what is computed of them
DRAWN_AT_ONCE_ON_CUDA = 2**24  # likewise, 256 MiB; a part of them takes 7 kernels


class Cells(NamedTuple):
    """Where points (..., P) lie between pixels: in cells of four, of which those at a map's edge are partly outside."""

    row: Tensor  # int64, 0 to H: the cell's upper pixels are row - 1, its lower ones row
    column: Tensor  # int64, 0 to W
    down: Tensor  # 0 to 1, how near the lower pixels
    right: Tensor  # 0 to 1


def cells(points: Tensor, size: tuple[int, int]) -> Cells:
    """Return where points (..., P, 2) lie in a map of (H, W)."""
    (down, row), (right, column) = (_along(points[..., axis], size[1 - axis]) for axis in (1, 0))
    return Cells(row, column, down, right)


def _along(x: Tensor, length: int) -> tuple[Tensor, Tensor]:
    x = (x * (length / 2)).add_((length + 1) / 2)  # above 0, so that an integer of it is its floor
    first = x.long()
    return x - first, first


def all_at_points(masks: Tensor, points: Tensor) -> Tensor:
    """Return all masks of an image (B, Q, h, w) at the same points (B, P, 2): (B, P, Q).

    CPUs look up what a point needs of all masks in one place; on CUDA that takes a copy and 30 kernels, its sampling one.
    """
    batch, queries, height, width = masks.shape
    if as_on_cuda(masks.device):
        return F.grid_sample(masks, points[:, None], align_corners=False)[:, :, 0].transpose(1, 2)
    table = masks.new_empty(batch, height * width, queries)  # what a point needs stands together
    for each, mask in zip(table, masks, strict=True):
        each.copy_(mask.flatten(1).T)  # of two dimensions, CPUs do this in blocks
    row, column, down, right = cells(points, (height, width))
    rows = [((row - 1).clamp(min=0), (1 - down) * (row > 0)), (row.clamp(max=height - 1), down * (row < height))]
    columns = [
        ((column - 1).clamp(min=0), (1 - right) * (column > 0)),
        (column.clamp(max=width - 1), right * (column < width)),
    ]
    index = torch.stack([y * width + x for y, _ in rows for x, _ in columns], -1)  # (B, P, 4)
    weight = torch.stack([y * x for _, y in rows for _, x in columns], -1)
    index += torch.arange(batch, device=index.device)[:, None, None] * (height * width)
    found = F.embedding_bag(
        index.flatten(0, 1), table.flatten(0, 1), per_sample_weights=weight.flatten(0, 1), mode='sum'
    )
    return found.unflatten(0, (batch, -1))


def rows_at_points(rows: Tensor, points: Tensor) -> Tensor:
    """Return each mask (R, h, w) at its own points (R, P, 2): (R, P); differentiable by the masks."""
    return F.grid_sample(rows[:, None], points[:, :, None], align_corners=False).flatten(1)


def labels_at_points(bordered: Tensor, points: Tensor, count: int) -> Tensor:
    """Return the masks of all labels at the same points.

    Args:
        bordered: (B, H + 2, W + 2), integers from 0 to ``count``, which has no mask and is on the border.
        points: (N, P, 2), N a multiple of B: of each image in turn, again and again.

    Returns:
        (N, P, count), of the points' dtype.
    """
    image = torch.arange(len(points), device=points.device) % len(bordered)
    corners, down, right = _around(bordered, image, points)
    weights = torch.stack([y * x for y in (1 - down, down) for x in (1 - right, right)], -1)
    found = points.new_zeros(*points.shape[:2], count + 1)
    return found.scatter_add_(2, corners.movedim(0, -1).long(), weights)[..., :count]


def label_at_points(bordered: Tensor, image: Tensor, label: Tensor, points: Tensor) -> Tensor:
    """Return the mask of one label at points.

    Args:
        bordered: (B, H + 2, W + 2), integers, no label on the border.
        image, label: (R,), int64: the mask of which label in which image.
        points: (R, P, 2).

    Returns:
        (R, P), of the points' dtype.
    """
    corners, down, right = _around(bordered, image, points)
    found = (corners == label.to(bordered.dtype)[:, None]).to(points.dtype).unflatten(0, (2, 2))
    upper, lower = found[:, 0].lerp_(found[:, 1], right)
    return upper.lerp(lower, down)  # in memory of its own: all of found is four times as much


def _around(bordered: Tensor, image: Tensor, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the labels of the pixels around points (R, P, 2), (4, R, P) row by row; how near to the lower and right."""
    index, down, right = _upper_left(bordered, image, points)
    flat = bordered.flatten()
    corners = flat.new_empty(4, *index.shape)
    for corner, step in zip(corners, (0, 1, bordered.shape[2], bordered.shape[2] + 1), strict=True):
        torch.index_select(flat[step:], 0, index.view(-1), out=corner.view(-1))
    return corners, down, right


def _upper_left(bordered: Tensor, image: Tensor, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return where the upper left one of four pixels is among all images', (R, P); how near to the lower and right."""
    _, height, width = bordered.shape
    row, column, down, right = cells(points, (height - 2, width - 2))
    return column.add_(row, alpha=width).add_((image * (height * width))[:, None]), down, right


@torch.no_grad()
def uncertain_points(rows: Tensor, count: int, oversample_ratio: float, importance_ratio: float) -> Tensor:
    """Draw points of masks (R, h, w), most of them where a logit is nearest to zero (PointRend, arXiv 1912.08193).

    Of ``count * oversample_ratio`` points drawn, the most uncertain are kept, ``importance_ratio`` of the result; the
    others are drawn anew. What is drawn and not kept exists for some masks at a time.

    Returns:
        (R, count, 2), of the masks' dtype.
    """
    drawn, uncertain = int(count * oversample_ratio), int(count * importance_ratio)
    at_once = DRAWN_AT_ONCE_ON_CUDA if as_on_cuda(rows.device) else DRAWN_AT_ONCE
    kept = [_most_uncertain(some, drawn, uncertain) for some in rows.split(max(1, at_once // drawn))]
    return torch.cat((torch.cat(kept), uniform_points(rows, len(rows), count - uncertain)), 1)


def _most_uncertain(rows: Tensor, drawn: int, kept: int) -> Tensor:
    points = uniform_points(rows, len(rows), drawn)
    found = smallest(rows_at_points(rows, points).abs_(), kept)
    return points.gather(1, found[..., None].expand(-1, -1, 2))


def smallest(x: Tensor, count: int) -> Tensor:
    """Return the places of the smallest numbers of each row of (R, N), (R, count), int64, in no order; NaN is large.

    On CPUs numpy's partition takes a tenth of the time of torch's topk.
    """
    if x.device.type == 'cpu' and 0 < count < x.shape[1]:
        return torch.from_numpy(np.argpartition(x.numpy(), count - 1, axis=1)[:, :count].copy())
    return x.topk(count, largest=False, sorted=False).indices


def uniform_points(like: Tensor, batch: int, count: int) -> Tensor:
    """Draw points (batch, count, 2) of a tensor's dtype and on its device, in float32 whatever the dtype."""
    return torch.rand(batch, count, 2, device=like.device).to(like.dtype).mul_(2).sub_(1)
