"""Where the windows of a scene are, and in which order its parts are done.

A scene is cut into swaths, from the left to the right, and a swath into bands, from the top to the bottom. A row of windows
is computed once a swath; a band is final once all rows of windows that reach into it are there. Only these are held.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from mmengine.config import Config

from mmseg_vitseg.config.datasets import datasets_in
from mmseg_vitseg.config.heads import segmentor_of
from mmseg_vitseg.models.windows import window_starts

TILE = 256  # pixels: the height of a band, and what the width of a swath is a multiple of; the results' tiles
# of what is held of a swath, unless a single column of windows needs more; a seam costs a column that is predicted twice
PIXEL_BYTES = 2**27
LOGIT_BYTES = 2**29
UNKNOWN_CROP = 512  # where a config says nothing of the size of what the model was trained on


@dataclass(frozen=True)
class Windows:
    """Sliding windows.

    Args:
        crop: height and width, in pixels.
        stride: down and across; None for the fewest that cover the scene, evenly overlapped.
        why: where these come from, for people.
    """

    crop: tuple[int, int]
    stride: tuple[int, int] | None
    why: str

    def starts(self, size: Sequence[int]) -> tuple[list[int], list[int]]:
        """Return the first rows and the first columns of the windows of a scene of ``size``, the host's."""
        tops, lefts = map(window_starts, size, self.crop, self.stride or (None, None))
        return tops, lefts

    def corner(self, size: Sequence[int]) -> 'Rectangle':
        """Return the first window of a scene of ``size``, which may be smaller than the others would be."""
        return Rectangle(0, min(self.crop[0], size[0]), 0, min(self.crop[1], size[1]))


@dataclass(frozen=True)
class Rectangle:
    """A part of a scene, in pixels: rows ``top`` to ``bottom``, columns ``left`` to ``right``."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        return self.bottom - self.top, self.right - self.left


def windows_of(cfg: Config) -> Windows:
    """Return the windows that a config's model predicts scenes in: its own, or where it has none, those of its training.

    A model that is tested on whole pictures gets windows of its training's crops, which overlap by a third.
    """
    settings = segmentor_of(cfg)
    test_cfg = settings.get('test_cfg') or {}
    if test_cfg.get('mode') == 'slide':
        stride = test_cfg.get('stride')
        return Windows(_pair(test_cfg['crop_size']), None if stride is None else _pair(stride), 'model.test_cfg')
    crop, why = _trained_crop(cfg, settings)
    return Windows(crop, (max(1, crop[0] * 2 // 3), max(1, crop[1] * 2 // 3)), why)


def _trained_crop(cfg: Config, settings: dict) -> tuple[tuple[int, int], str]:
    if size := (settings.get('data_preprocessor') or {}).get('size'):
        return _pair(size), 'model.data_preprocessor.size'
    for step in _training_steps(cfg):
        if 'RandomCrop' in str(step.get('type')) and step.get('crop_size'):
            return _pair(step['crop_size']), "the training's RandomCrop"
    if size := (settings.get('backbone') or {}).get('img_size'):
        return _pair(size), 'model.backbone.img_size'
    return (UNKNOWN_CROP, UNKNOWN_CROP), 'the default, as the config names no crop'


def _training_steps(cfg: Config) -> list[dict]:
    if not cfg.get('train_dataloader'):
        return []
    found = [step for dataset in datasets_in(cfg, 'train_dataloader') for step in dataset.get('pipeline') or ()]
    return [step for step in found if isinstance(step, dict)]


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    height, width = (size, size) if isinstance(size, int) else size
    return int(height), int(width)


def reaching(starts: Sequence[int], length: int, first: int, stop: int) -> range:
    """Return which of the windows of ``length`` at ``starts`` reach into ``first`` to ``stop``."""
    return range(
        sum(start + length <= first for start in starts),  # starts ascend
        sum(start < stop for start in starts),
    )


def swaths(lefts: Sequence[int], width: int, crop: int, most: int) -> list[tuple[int, int]]:
    """Cut ``width`` columns into swaths, each as wide as ``most`` windows of ``crop`` columns reach, a tile at least."""
    found, first = [], 0
    while first < width:
        stop = first + TILE
        while stop < width and len(reaching(lefts, crop, first, stop + TILE)) <= most:
            stop += TILE
        found.append((first, min(stop, width)))
        first = stop
    return found


class Plan:
    """The parts of a scene, in the order in which they are done, and the windows that reach into them.

    Args:
        size: (H, W) of the scene.
        windows: its.
        window_bytes: of what a model predicts of a window.
        pixel_bytes: of a pixel as it is read.
    """

    def __init__(self, size: tuple[int, int], windows: Windows, window_bytes: int, pixel_bytes: int):
        self.crop = windows.corner(size).size
        self.tops, self.lefts = windows.starts(size)
        rows = max(len(reaching(self.tops, self.crop[0], top, top + TILE)) for top in range(0, size[0], TILE))
        # of a column of windows; two rows of pixels, and where they have data, are read in advance
        pixels = prod(self.crop) * (3 * (pixel_bytes + 1) + rows)
        most = min(PIXEL_BYTES // pixels, LOGIT_BYTES // (rows * window_bytes))
        self.swaths = swaths(self.lefts, size[1], self.crop[1], most)
        self.parts = [
            Rectangle(top, min(top + TILE, size[0]), *swath) for swath in self.swaths for top in range(0, size[0], TILE)
        ]

    def tops_of(self, first: int, stop: int) -> list[int]:
        """Return the first rows of the windows that reach into rows ``first`` to ``stop``."""
        return [self.tops[index] for index in reaching(self.tops, self.crop[0], first, stop)]

    def lefts_of(self, swath: tuple[int, int]) -> list[int]:
        """Return the first columns of the windows that reach into a swath."""
        return [self.lefts[index] for index in reaching(self.lefts, self.crop[1], *swath)]
