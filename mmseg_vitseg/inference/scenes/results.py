"""What is seen of a scene's results as they pass by: the classes' areas, and a small picture of the whole.

H W size of the scene in pixels, K classes, f the small picture's step: one pixel of it stands for f x f.
"""

from collections.abc import Iterable

import numpy as np

from mmseg_vitseg.inference.outputs.confidence import class_sums
from mmseg_vitseg.inference.outputs.predicted import Classes
from mmseg_vitseg.inference.scenes.layout import Rectangle
from mmseg_vitseg.inference.scenes.partial import Part
from mmseg_vitseg.inference.scenes.source import Scene

OVERVIEW = 2048  # pixels of the overlay's longer side, at most
STRIP = 16  # rows that are counted at once
MOST = 65535  # the confidence 1, as in_16_bits has it


class Numbers:
    """The numbers of a mask's pixels.

    Args:
        classes: the data set's; a mask has its numbers.
    """

    def __init__(self, classes: Classes):
        self.first = classes.first
        largest = classes.first + len(classes.names) - 1
        self.dtype = np.dtype(np.uint8 if largest < 255 else np.uint16)
        self.nodata = 2 ** (8 * self.dtype.itemsize) - 1
        self.colours = None
        if self.dtype == np.uint8:
            self.colours = {classes.first + index: (*map(int, one), 255) for index, one in enumerate(classes.palette)}
            self.colours[self.nodata] = (0, 0, 0, 0)

    def of(self, labels: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Return the numbers (H, W) of labels, counted from 0; without data ``nodata``."""
        return np.where(valid, labels + self.first, self.nodata).astype(self.dtype)

    def labels(self, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the labels of a mask (H, W), int64, counted from 0, and where there are data; elsewhere they are 0."""
        valid = mask != self.nodata
        return np.where(valid, mask.astype(np.int64) - self.first, 0), valid


class Collected:
    """What is seen of parts that pass by: what tables of areas are made of, and every f-th pixel.

    Args:
        numbers: the mask's.
        classes: K.
        size: (H, W).
    """

    def __init__(self, numbers: Numbers, classes: int, size: tuple[int, int]):
        self.numbers = numbers
        self.step = -(-max(size) // OVERVIEW)
        self.sums = np.zeros((3, classes))  # as class_sums has them
        self.overview = np.full([-(-side // self.step) for side in size], numbers.nodata, numbers.dtype)

    def take(self, part: Part) -> None:
        """Look at a part: its mask, and the confidence where there is one."""
        mask, *others = part.layers
        for first in range(0, len(mask), STRIP):
            strip = slice(first, first + STRIP)
            labels, valid = self.numbers.labels(mask[strip])
            certain = others[0][strip][valid] / np.float64(MOST) if others else None
            self.sums += class_sums(labels[valid], certain, self.sums.shape[1])
        rows, columns, sampled = sampled_part(part.where, self.step)
        self.overview[rows, columns] = mask[sampled]


def sampled_part(where: Rectangle, step: int) -> tuple[slice, slice, tuple[slice, slice]]:
    """Return which rows and columns of an overview a part has, and which pixels of the part these are."""
    starts = -(-where.top // step), -(-where.left // step)
    stops = -(-where.bottom // step), -(-where.right // step)
    inside = slice(starts[0] * step - where.top, None, step), slice(starts[1] * step - where.left, None, step)
    return slice(starts[0], stops[0]), slice(starts[1], stops[1]), inside


def overview_of(scene: Scene, parts: Iterable[Rectangle], step: int) -> np.ndarray:
    """Return every ``step``-th pixel of a scene, (h, w, C), as its reading step gives them."""
    size = tuple(-(-side // step) for side in scene.size)
    shown = np.zeros((*size, 0))
    for part in parts:
        rows, columns, sampled = sampled_part(part, step)
        pixels = scene.read(part)[0][sampled]
        if not shown.size:
            shown = np.zeros((*size, pixels.shape[2]), pixels.dtype)
        shown[rows, columns] = pixels
    return shown if scene.rule is not None else shown[..., ::-1]  # BGR, as picture files are decoded
