"""Chains of resizings, crops, flips and windows against torch's own functions, one after the other."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mmseg_vitseg.ops import resampling
from mmseg_vitseg.ops.fused.taps import taps
from mmseg_vitseg.ops.resampling import Strips, resizings, unchanged
from mmseg_vitseg.ops.upsample_argmax import resampled


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
    assert_close(resampled(x, resizings((5, 7), tuple(sizes), align_corners)), expected)


def test_crops_and_flips():
    x = torch.randn(3, 5, 7)
    chain = unchanged((5, 7)).resized((20, 28), False).cropped(2, 17, 1, 28).flipped('horizontal').flipped('vertical')
    expected = resized(x, (20, 28), False)[:, 2:17, 1:28].flip(1, 2)
    assert_close(resampled(x, chain), expected)
    assert_close(resampled(x, chain.resized((8, 9), False)), resized(expected, (8, 9), False))


def test_strips_fit_the_budget_and_skip_what_is_zero(monkeypatch):
    monkeypatch.setitem(resampling.STRIP_BYTES, 'cpu', 4 * 3 * 64 * 8)
    strips = Strips(resizings((16, 16), ((64, 64),), False), 3, torch.zeros(1))
    assert [(band.start, band.stop) for band in strips] == [(start, start + 8) for start in range(0, 64, 8)]
    assert all(band.weights.shape[1] <= 4 for band in strips)


def test_backward_is_the_transpose():
    x = torch.randn(6, 2, 5, dtype=torch.float64)  # (h, K, w)
    chain = unchanged((3, 5)).resized((8, 10), False).repeated([0, 6], [0], (14, 10)).resized((9, 70), False)
    strips = Strips(chain, 2, x)
    gradient = torch.zeros_like(x)
    factors = torch.randn(9, 2, 70, dtype=torch.float64)
    total = 0
    for band in strips:
        total += (strips.forward(x, band) * factors[band.start : band.stop]).sum()
        strips.backward(factors[band.start : band.stop], gradient, band)
    assert_close((gradient * x).sum(), total)


def test_images_together_are_as_one_by_one():
    """As on a GPU, where a strip is of all images."""
    x = torch.randn(2, 6, 2, 5, dtype=torch.float64)  # (B, h, K, w)
    chain = unchanged((3, 5)).resized((8, 10), False).repeated([0, 6], [0], (14, 10)).resized((9, 70), False)
    strips = Strips(chain, 2, x, len(x))
    assert [images for images, _ in strips.of_batch()] == [0, 1]
    gradient, one_by_one = torch.zeros_like(x), torch.zeros_like(x)
    for band in strips:
        together = strips.forward(x, band)
        assert_close(together, torch.stack([strips.forward(one, band) for one in x]))
        strips.backward(together, gradient, band)
        for strip, one in zip(together, one_by_one, strict=True):
            strips.backward(strip, one, band)
    assert_close(gradient, one_by_one)


def test_what_is_kept_is_of_no_default_device():
    """As in a notebook that begins with torch.set_default_device('cuda')."""
    x, chain = torch.randn(3, 5, 7), resizings((5, 7), ((11, 13),), False)
    resampling.matrix_of.cache_clear()
    with torch.device('meta'):
        assert_close(resampled(x, chain), resized(x, (11, 13), False))
        assert taps(chain.rows).index.device.type == 'cpu'
