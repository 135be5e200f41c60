"""Sliding windows, the host's: where they start, their images in batches, their logits or masks in one map, averaged.

B batch, C channels, H W size of the images, K classes, or queries, h w size of a window's logits, or masks.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mmseg_vitseg.models.prediction import Small

WINDOW_BATCH = {'cpu': 1, 'default': 16}  # on a CPU more of them take more memory and no less time


def classify_windows(
    images: Tensor,
    classify: Callable[[Tensor, tuple[int, int]], Small],
    *,
    crop_size: Sequence[int],
    stride: Sequence[int] | None,
    batch_size: int | None = None,
) -> Small | None:
    """Return the logits, or masks, of all windows of images, side by side, and their way to (H, W).

    Args:
        images: (B, C, H, W).
        classify: returns the logits of a batch of windows, and their way to the windows' size, which it gets too.
        crop_size: height and width of a window, in pixels.
        stride: down and across, in pixels; None for the fewest windows that cover the images, evenly overlapped.
        batch_size: how many windows are encoded at once; None for what suits the device.

    Returns:
        None where that is more than logits at full size: overlapping windows of a head that works at full size.

    Raises:
        ValueError: ``batch_size`` is below 1.
    """
    if batch_size is not None and batch_size < 1:
        raise ValueError(f'test_cfg.window_batch={batch_size}; at least 1 is needed, or leave it out')
    size, count = tuple(images.shape[-2:]), len(images)
    height, width = (min(pair) for pair in zip(crop_size, size, strict=True))
    tops, lefts = map(window_starts, size, (height, width), stride or (None, None))
    places = [(image, top, left) for image in range(count) for top in tops for left in lefts]
    beside: list[Tensor | None] = []
    step = batch_size or WINDOW_BATCH.get(images.device.type, WINDOW_BATCH['default'])
    for first in range(0, len(places), step):
        batch = places[first : first + step]
        windows = [images[image, :, top : top + height, left : left + width] for image, top, left in batch]
        small = classify(torch.stack(windows), (height, width))
        beside.append(small.beside_maps())
        maps = small.maps  # (b, K, h, w)
        if first == 0:
            channels, h, w = maps.shape[1:]
            if len(tops) * h * len(lefts) * w >= size[0] * size[1]:
                return None
            tiles = maps.new_empty(count, channels, len(tops), h, len(lefts), w)
        _put(maps, tiles, first)
    return small.of_windows(tiles.flatten(4, 5).flatten(2, 3), beside, tops, lefts, size)


def _put(maps: Tensor, tiles: Tensor, first: int) -> None:
    """Put a batch of windows' maps (b, K, h, w), of which the first is window ``first``, where they belong.

    Args:
        tiles: (B, K, rows of windows, h, windows a row, w); a row is copied at once.
    """
    rows, columns = tiles.shape[2], tiles.shape[4]
    stop = first + len(maps)
    for row in range(first // columns, (stop - 1) // columns + 1):
        start, end = max(first, row * columns), min(stop, (row + 1) * columns)
        part = maps[start - first : end - first].permute(1, 2, 0, 3)  # (K, h, windows, w)
        tiles[row // rows, :, row % rows, :, start - row * columns : end - row * columns] = part


def window_starts(length: int, crop: int, stride: int | None) -> list[int]:
    """Return where the host's windows start along a side of ``length`` pixels; the last one ends with the side.

    Without a stride, as many as are needed, evenly spread: EoMT's (arXiv 2503.19108), along a longer side.
    """
    crop = min(crop, length)
    if stride is None:
        last = -(-length // crop) - 1
        return [index * (length - crop) // max(last, 1) for index in range(last + 1)]
    return [
        min(start, length - crop)
        for start in range(0, max(length - crop + stride - 1, 0) // stride * stride + 1, stride)
    ]
