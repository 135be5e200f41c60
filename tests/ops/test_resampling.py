"""Chains of resizings, crops, flips and windows against torch's own functions, one after the other."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mmseg_vitseg.ops import resampling
from mmseg_vitseg.ops.resampling import Strips, resizings, unchanged
from mmseg_vitseg.ops.upsample_argmax import strips_of


def whole(x, chain):
    """All strips of a resampled (K, h, w), put together."""
    return torch.cat([strip for _, strip in strips_of(x, chain)]).transpose(0, 1)


def resized(x, size, align_corners):
    return F.interpolate(x[None], size=size, mode='bilinear', align_corners=align_corners)[0]


@pytest.fixture(params=[1, 2000, 2**21], ids=['a row', 'some rows', 'one strip'])
def strip_bytes(request, monkeypatch):
    monkeypatch.setitem(resampling.STRIP_BYTES, 'cpu', request.param)


@pytest.mark.usefixtures('strip_bytes')
@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('sizes', [[(20, 28)], [(20, 28), (33, 17)], [(3, 4)], [(5, 7)], [(1, 1), (9, 130)]])
def test_resizings(sizes, align_corners):
    x = expected = torch.randn(3, 5, 7)
    for size in sizes:
        expected = resized(expected, size, align_corners)
    assert_close(whole(x, resizings((5, 7), tuple(sizes), align_corners)), expected)


def test_crops_and_flips():
    x = torch.randn(3, 5, 7)
    chain = unchanged((5, 7)).resized((20, 28), False).cropped(2, 17, 1, 28).flipped('horizontal').flipped('vertical')
    expected = resized(x, (20, 28), False)[:, 2:17, 1:28].flip(1, 2)
    assert_close(whole(x, chain), expected)
    assert_close(whole(x, chain.resized((8, 9), False)), resized(expected, (8, 9), False))


@pytest.mark.usefixtures('strip_bytes')
@pytest.mark.parametrize('size', [(20, 22), (12, 8), (13, 30)])
def test_overlapping_windows(size):
    """Averaged where they overlap, then resized."""
    tops, lefts = sorted({0, (size[0] - 12) // 2, size[0] - 12}), sorted({*range(0, size[1] - 8, 7), size[1] - 8})
    maps = {(top, left): torch.randn(2, 3, 4) for top in tops for left in lefts}
    total, covered = torch.zeros(2, *size), torch.zeros(size)
    for (top, left), x in maps.items():
        total[:, top : top + 12, left : left + 8] += resized(x, (12, 8), False)
        covered[top : top + 12, left : left + 8] += 1
    tiles = torch.cat([torch.cat([maps[top, left] for left in lefts], dim=2) for top in tops], dim=1)
    chain = unchanged((3, 4)).resized((12, 8), False).in_windows(tops, lefts, size)
    assert_close(whole(tiles, chain), total / covered)
    assert_close(whole(tiles, chain.resized((31, 17), False)), resized(total / covered, (31, 17), False))


def test_strips_fit_the_budget_and_skip_what_is_zero(monkeypatch):
    monkeypatch.setitem(resampling.STRIP_BYTES, 'cpu', 4 * 3 * 64 * 8)
    strips = Strips(resizings((16, 16), ((64, 64),), False), 3, torch.zeros(1))
    assert [(band.start, band.stop) for band in strips] == [(start, start + 8) for start in range(0, 64, 8)]
    assert all(band.weights.shape[1] <= 4 for band in strips)


def test_backward_is_the_transpose():
    x = torch.randn(6, 2, 5, dtype=torch.float64)  # (h, K, w)
    chain = unchanged((3, 5)).resized((8, 10), False).in_windows([0, 6], [0], (14, 10)).resized((9, 70), False)
    strips = Strips(chain, 2, x)
    gradient = torch.zeros_like(x)
    factors = torch.randn(9, 2, 70, dtype=torch.float64)
    total = 0
    for band in strips:
        total += (strips.forward(x, band) * factors[band.start : band.stop]).sum()
        strips.backward(factors[band.start : band.stop], gradient, band)
    assert_close((gradient * x).sum(), total)
