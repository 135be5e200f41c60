"""Masks and labels at points, and which points of a mask are uncertain: no map is ever resized.

B batch, Q masks, h w their size, H W size of the labels, P points, R rows: masks each with points of its own.
A point is (x, y) from 0 to 1 across a map of any size. Everything is interpolated bilinearly, as
``grid_sample(2 * points - 1, align_corners=False)`` does, with zeros around a map.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Corners(NamedTuple):
    """The four pixels around each point."""

    index: Tensor  # (..., P, 4), int64, in a map laid out row by row
    weight: Tensor  # (..., P, 4), of the points' dtype; 0 of a pixel outside the map


def corners(points: Tensor, size: tuple[int, int]) -> Corners:
    """Return the pixels of a map of (H, W) around points (..., P, 2)."""
    height, width = size
    across, right = _pair(points[..., 0], width)
    down, below = _pair(points[..., 1], height)
    index = down.unsqueeze(-1) * width + across.unsqueeze(-2)  # (..., P, 2, 2)
    return Corners(index.flatten(-2), (below.unsqueeze(-1) * right.unsqueeze(-2)).flatten(-2))


def _pair(x: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Return the two places next to x along one side, and their weights, (..., 2) each."""
    x = ((2 * x - 1 + 1) * length - 1) / 2  # rounded as grid_sample rounds
    first = x.floor()
    part = x - first
    places = torch.stack((first, first + 1), -1)
    inside = (places >= 0) & (places < length)
    return places.clamp(0, length - 1).long(), torch.stack((1 - part, part), -1) * inside


def all_at_points(masks: Tensor, points: Tensor) -> Tensor:
    """Return all masks of an image (B, Q, h, w) at the same points (B, P, 2): (B, P, Q)."""
    batch, queries, height, width = masks.shape
    index, weight = corners(points, (height, width))
    first = torch.arange(batch, device=masks.device)[:, None, None] * (height * width)
    table = masks.flatten(2).transpose(1, 2).reshape(-1, queries)  # (B h w, Q): what a point needs stands together
    found = F.embedding_bag((index + first).flatten(0, 1), table, per_sample_weights=weight.flatten(0, 1), mode='sum')
    return found.unflatten(0, (batch, -1))


def rows_at_points(rows: Tensor, points: Tensor) -> Tensor:
    """Return each mask (R, h, w) at its own points (R, P, 2): (R, P); differentiable by the masks."""
    found = F.grid_sample(rows[:, None], (2 * points - 1)[:, :, None], align_corners=False)  # (R, 1, P, 1)
    return found[:, 0, :, 0]


def slots_at_points(labels: Tensor, points: Tensor, slots: Tensor, count: int) -> Tensor:
    """Return the masks of several classes at the same points.

    Args:
        labels: (B, H, W), int64, from 0.
        points: (B, P, 2).
        slots: (B, labels), int64: the place of each label in the result, ``count`` of labels without one.
        count: how many places there are.

    Returns:
        (B, P, count), of the points' dtype.
    """
    index, weight = corners(points, tuple(labels.shape[-2:]))
    place = slots.gather(1, labels.flatten(1).gather(1, index.flatten(1))).view_as(index)  # (B, P, 4)
    return weight.new_zeros(*weight.shape[:2], count + 1).scatter_add_(2, place, weight)[..., :count]


def class_at_points(labels: Tensor, image: Tensor, classes: Tensor, points: Tensor) -> Tensor:
    """Return the mask of one class at points.

    Args:
        labels: (B, H, W), integers.
        image: (R,), int64: which image's labels.
        classes: (R,): which class.
        points: (R, P, 2).

    Returns:
        (R, P), of the points' dtype.
    """
    height, width = labels.shape[-2:]
    index, weight = corners(points, (height, width))
    found = labels.flatten().take(index + (image * (height * width))[:, None, None])  # (R, P, 4)
    return (weight * (found == classes[:, None, None])).sum(-1)


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
    found = rows_at_points(rows, drawn).abs_().topk(uncertain, largest=False, sorted=False).indices
    kept = drawn.gather(1, found[..., None].expand(-1, -1, 2))
    return torch.cat((kept, uniform_points(rows, len(rows), count - uncertain)), 1)


def uniform_points(like: Tensor, batch: int, count: int) -> Tensor:
    """Draw points (batch, count, 2) of a tensor's dtype and on its device, in float32 whatever the dtype."""
    return torch.rand(batch, count, 2, device=like.device).to(like.dtype)
