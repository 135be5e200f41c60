"""What a sample of a data set holds."""

from collections import Counter

import numpy as np

from mmseg_vitseg.datasets.masks import NoMaskError, of_channels


class Seen:
    """What a sample of a data set holds."""

    def __init__(self) -> None:
        self.labels: Counter[int] = Counter()  # label as the loss gets it -> masks that have it
        self.pixels: Counter[int] = Counter()  # label -> pixels that have it
        self.first: dict[int, str] = {}  # label -> the first mask that has it
        self.damaged: list[str] = []
        self.no_masks: dict[str, NoMaskError] = {}  # path -> what it is
        self.other_size: list[str] = []
        self.masks = 0

    def add(self, results: dict) -> None:
        """Look at a picture and its mask, as the pipeline's loading steps give them."""
        if 'gt_seg_map' not in results:  # depths, say
            return
        path, mask = results.get('seg_map_path', results.get('img_path')), np.asarray(results['gt_seg_map'])
        self.masks += 1
        if mask.ndim == 3 and mask.shape[2] in (2, 3, 4):  # not a volume
            self.no_masks[str(path)] = of_channels(mask)
        if mask.ndim != 2:
            return
        picture = results.get('img')
        size = tuple(results.get('ori_shape', () if picture is None else np.shape(picture)))[:2]
        if size and mask.shape != size:
            self.other_size.append(f'{path} {mask.shape[0]} x {mask.shape[1]}, its picture {size[0]} x {size[1]}')
        for label, count in zip(*(found.tolist() for found in np.unique(mask, return_counts=True)), strict=True):
            self.labels[label] += 1
            self.pixels[label] += count
            self.first.setdefault(label, str(path))


def evenly_spaced(count: int, most: int) -> list[int]:
    """Return at most ``most`` of ``count`` indices, at even distances."""
    return np.unique(np.linspace(0, count - 1, most).astype(int)).tolist()
