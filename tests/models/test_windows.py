"""Where sliding windows start, and their merging, against the plain sum divided by how many windows cover a pixel."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from mmseg_vitseg.models.small_logits import SmallLogits
from mmseg_vitseg.models.windows import classify_windows, window_starts
from mmseg_vitseg.ops import resampling
from mmseg_vitseg.ops.resampling import unchanged
from mmseg_vitseg.ops.upsample_argmax import resampled


def resized(x, size, align_corners):
    return F.interpolate(x[None], size=size, mode='bilinear', align_corners=align_corners)[0]


def test_window_starts_are_the_hosts():
    assert window_starts(100, 32, 20) == [0, 20, 40, 60, 68]
    assert window_starts(32, 32, 20) == [0]
    assert window_starts(33, 32, 20) == [0, 1]
    assert window_starts(20, 32, 20) == [0]
    assert window_starts(72, 32, 20) == [0, 20, 40]


@pytest.mark.parametrize('strip_bytes', [1, 2000, 2**21], ids=['a row', 'some rows', 'one strip'])
@pytest.mark.parametrize('size', [(20, 22), (12, 8), (13, 30)])
def test_overlapping_windows(size, strip_bytes, monkeypatch):
    """Averaged where they overlap, then resized."""
    monkeypatch.setitem(resampling.STRIP_BYTES, 'cpu', strip_bytes)
    tops, lefts = sorted({0, (size[0] - 12) // 2, size[0] - 12}), sorted({*range(0, size[1] - 8, 7), size[1] - 8})
    maps = {(top, left): torch.randn(2, 3, 4) for top in tops for left in lefts}
    total, covered = torch.zeros(2, *size), torch.zeros(size)
    for (top, left), x in maps.items():
        total[:, top : top + 12, left : left + 8] += resized(x, (12, 8), False)
        covered[top : top + 12, left : left + 8] += 1
    tiles = torch.cat([torch.cat([maps[top, left] for left in lefts], dim=2) for top in tops], dim=1)
    chain = unchanged((3, 4)).resized((12, 8), False).repeated(tops, lefts, size)
    assert_close(resampled(tiles, chain), total / covered)
    assert_close(resampled(tiles, chain.resized((31, 17), False)), resized(total / covered, (31, 17), False))


@pytest.mark.parametrize(
    ('device', 'batch', 'sizes'), [('cpu', None, [1] * 30), ('meta', None, [16, 14]), ('cpu', 7, [7] * 4 + [2])]
)
def test_windows_are_encoded_in_batches(device, batch, sizes):
    """Of several images at once; each window's map where it belongs."""
    images = torch.randn(2, 3, 24, 40, device=device)
    seen = []

    def classify(windows, size):
        seen.append(len(windows))
        return SmallLogits(F.avg_pool2d(windows, 4), unchanged((2, 2)).resized(size, False))

    tiles, resampling = classify_windows(images, classify, crop_size=(8, 8), stride=(8, 8), batch_size=batch)
    assert seen == sizes
    assert (tiles.shape, resampling.size) == ((2, 3, 6, 10), (24, 40))
    if device == 'cpu':
        assert_close(tiles, F.avg_pool2d(images, 4))


@pytest.mark.parametrize('batch', [0, -1])
def test_a_batch_without_windows(batch):
    with pytest.raises(ValueError, match=f'window_batch={batch}; at least 1'):
        classify_windows(torch.zeros(1, 3, 8, 8), None, crop_size=(8, 8), stride=(8, 8), batch_size=batch)
