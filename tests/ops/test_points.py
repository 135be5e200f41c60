"""Masks and labels at points against torch's grid_sample of whole maps."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from mmseg_vitseg.ops import points as points_module
from mmseg_vitseg.ops.points import (
    all_at_points,
    label_at_points,
    labels_at_points,
    rows_at_points,
    smallest,
    uncertain_points,
)

SIZES = [(5, 7), (1, 9), (16, 16), (1, 1)]


def sampled(maps: Tensor, points: Tensor) -> Tensor:
    """Return maps (B, K, H, W) at points (B, P, 2): (B, P, K)."""
    found = F.grid_sample(maps, points[:, :, None], align_corners=False)
    return found[..., 0].transpose(1, 2)


def points_of(batch: int, dtype=torch.float32) -> Tensor:
    """Return points at random, at a map's corners, and at pixels' centres and edges."""
    torch.manual_seed(0)
    special = torch.tensor([0.0, 1.0, 0.5, 0.25, 0.1, 0.7, 1 / 7, 3 / 14])
    special = torch.cartesian_prod(special, special).expand(batch, -1, -1)
    return torch.cat((special, torch.rand(batch, 200, 2)), 1).to(dtype) * 2 - 1


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_masks(size, dtype):
    points = points_of(3, dtype)
    masks = torch.randn(3, 4, *size, dtype=dtype)
    assert_close(all_at_points(masks, points), sampled(masks, points))
    assert_close(rows_at_points(masks[:, 0], points), sampled(masks[:, :1], points)[..., 0])


@pytest.mark.parametrize('size', SIZES)
def test_labels(size):
    points = points_of(3)
    labels = torch.randint(0, 6, (3, *size))
    one_hot = F.one_hot(labels, 6).movedim(-1, 1).float()  # (B, K, H, W)
    assert_close(labels_at_points(F.pad(labels.short(), (1, 1, 1, 1), value=6), points, 6), sampled(one_hot, points))
    bordered = F.pad(labels, (1, 1, 1, 1), value=5)  # the last has no mask
    assert_close(labels_at_points(bordered, points, 5), sampled(one_hot, points)[..., :5])
    image, label = torch.tensor([0, 2, 2, 1]), torch.tensor([4, 0, 3, 2])
    points = points[:1].expand(4, -1, -1)
    assert_close(
        label_at_points(bordered.short(), image, label, points), sampled(one_hot[image, label][:, None], points)[..., 0]
    )


@pytest.mark.parametrize('at_once', [2**20, 3000, 100])
def test_uncertain_points(at_once, monkeypatch):
    """Three quarters are the most uncertain of three times as many; the rest are anywhere."""
    monkeypatch.setattr(points_module, 'DRAWN_AT_ONCE', at_once)
    ramp = torch.linspace(-1, 1, 40).expand(2, 40, 40)  # uncertain in the middle
    torch.manual_seed(0)
    points = uncertain_points(ramp, 1000, 3.0, 0.75)
    assert points.shape == (2, 1000, 2)
    torch.manual_seed(0)
    drawn = torch.rand(2, 3000, 2) * 2 - 1
    distances = rows_at_points(ramp, drawn).abs().sort().values
    kept = rows_at_points(ramp, points[:, :750]).abs().sort().values
    assert_close(kept, distances[:, :750])
    assert rows_at_points(ramp, points[:, 750:]).abs().mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize('count', [0, 1, 7, 19, 20])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_smallest(count, dtype):
    x = torch.randn(3, 20, dtype=dtype)
    x[0, 4] = torch.nan
    found = smallest(x, count)
    assert found.dtype == torch.int64
    assert torch.equal(found.sort().values, x.argsort()[:, :count].sort().values)
    assert smallest(x[:0], count).shape == (0, count)


def test_no_masks():
    assert uncertain_points(torch.zeros(0, 4, 4), 8, 3.0, 0.75).shape == (0, 8, 2)
