"""What a picture is of a file's bands: which, how they are scaled, and what is no data. H W size in pixels, C bands.

A pure function of what was read, so that a window of a scene goes the same way as a whole picture.
"""

import functools
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

MOST = 256  # bands of a file
WHITE = 255.0  # what a scale's upper end becomes: values as those of 8-bit pictures, whatever was in the file
KEPT = (
    'uint8',
    'uint16',
    'int16',
    'float32',
)  # dtypes that pictures keep where they are not scaled; others become float32

Scale = tuple[float, float] | Sequence[tuple[float, float]]


class BandsError(ValueError):
    """Bands that a file does not have, or values that are no picture's."""


class BandRule:
    """Which bands a picture has, and what becomes of their values.

    Args:
        bands: ``'all'`` of a file, in its order, or their numbers, from 1.
        scale: (low, high) of every band, or a pair a band: these become 0 and 255, values beyond are clipped, and the
            picture is float32. None: values and dtype are the file's, of the dtypes that the host's steps take; int8,
            32 and 64 bits become float32.
        nodata: the value that stands for no data; ``'file'``: what the file says, by a tag, a mask or an alpha band that is
            not among ``bands``; None: every value is data. Values that are NaN, or infinite, never are.
        fill: what stands for no data in the picture, after the scale: a number, or one a band; 0 if not given.
            Of whole numbers, the nearest that their dtype has.

    Raises:
        ValueError: an argument that is none of these.
    """

    def __init__(
        self,
        *,
        bands: Literal['all'] | Sequence[int] = 'all',
        scale: Scale | None = None,
        nodata: float | Literal['file'] | None = 'file',
        fill: float | Sequence[float] = 0,
    ):
        self.bands = bands if bands == 'all' else _numbers(bands)
        self.scale = None if scale is None else np.array(_pairs(scale), np.float32).T  # (2, 1) or (2, C)
        if nodata != 'file' and nodata is not None and not isinstance(nodata, (int, float)):
            raise ValueError(
                f"nodata={nodata!r}; allowed: a number, 'file' for what the file says, or None for nothing"
            )
        self.nodata = nodata
        self.fill = np.array(fill, np.float32).reshape(-1)
        self.given = {'scale': 1 if self.scale is None else self.scale.shape[1], 'fill': self.fill.size}
        for name, count in self.given.items():
            if count != 1 and self.bands != 'all' and count != len(self.bands):
                raise ValueError(f'{name} is of {count} bands, and bands={self.bands} are {len(self.bands)}')

    def numbers(self, count: int) -> list[int]:
        """Return the numbers, from 1, of a picture's bands in a file of ``count``.

        Raises:
            BandsError: it does not have them.
        """
        if count > MOST:
            raise BandsError(f'{count} bands, of at most {MOST}; is it (C, H, W)? Arrays are (H, W, C)')
        numbers = list(range(1, count + 1)) if self.bands == 'all' else list(self.bands)
        if missing := [number for number in numbers if number > count]:
            raise BandsError(
                f'bands={self.bands}, and the file has {counted(count)}: no band {missing[0]}; they are numbered from 1'
            )
        for name, given in self.given.items():
            if given not in (1, len(numbers)):
                raise BandsError(
                    f'{counted(len(numbers))}, and {name} is of {given}; give it of one, or of as many bands, or name the '
                    'bands: bands=(1, 2, ...)'
                )
        return numbers

    def __call__(self, values: np.ndarray, missing: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """Make a picture of values.

        Args:
            values: (H, W, C), numbers, of the picture's bands; they are not changed.
            missing: (H, W, C) or (H, W, 1), bool: what a file says is no data; None: all is.

        Returns:
            The picture, (H, W, C), and where no band has data, (H, W) bool; None: nowhere.

        Raises:
            BandsError: the values are no real numbers.
        """
        if values.dtype.kind not in 'buif':
            raise BandsError(f'values of {values.dtype}; pictures are real numbers: save the magnitude, say')
        given, found = values, [] if missing is None else [missing]
        if isinstance(self.nodata, (int, float)):
            found.append(is_value(values, self.nodata))
        if values.dtype not in KEPT:
            with np.errstate(over='ignore'):  # values of a no-data tag, say
                values = values.astype(np.float32)
        if values.dtype.kind == 'f':
            found.append(~np.isfinite(values))
        missing = _together(found)
        picture = values if self.scale is None else _scaled(values, *self.scale)
        if missing is None:
            return picture, None
        if picture is given:
            picture = picture.copy()
        np.copyto(picture, _as_dtype(self.fill, picture.dtype), where=missing)
        nowhere = functools.reduce(np.logical_and, np.moveaxis(missing, 2, 0))  # numpy's own is slow along few values
        return picture, nowhere if nowhere.any() else None


def _together(found: Sequence[np.ndarray]) -> np.ndarray | None:
    """Return where any of several is, (H, W, C) or (H, W, 1); None: nowhere."""
    some = [one for one in found if one.any()]
    return functools.reduce(np.logical_or, some) if some else None


def is_value(values: np.ndarray, value: float) -> np.ndarray:
    """Return where values are a given one, which their dtype may not have: then nowhere. Of floats, as it is in theirs."""
    if values.dtype.kind == 'f':
        with np.errstate(over='ignore'):
            return values == values.dtype.type(value)
    if not float(value).is_integer():  # NaN, say
        return np.zeros(values.shape, bool)
    return values == int(value)


def _scaled(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    with np.errstate(over='ignore', invalid='ignore'):  # of what is no data
        scaled = values.astype(np.float32)
        scaled -= low
        scaled *= WHITE / (high - low)
        return np.clip(scaled, 0, WHITE, out=scaled)


def _as_dtype(fill: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if dtype.kind == 'f':
        return fill
    limits = np.iinfo(dtype)
    return np.rint(fill).clip(limits.min, limits.max).astype(dtype)


def _numbers(bands: Sequence[int]) -> tuple[int, ...]:
    numbers = tuple(bands) if isinstance(bands, Sequence) and not isinstance(bands, str) else ()
    if not numbers or not all(isinstance(one, int) and one >= 1 for one in numbers) or len(set(numbers)) < len(numbers):
        raise ValueError(f"bands={bands!r}; allowed: 'all', or different numbers from 1, as bands=(3, 2, 1)")
    return numbers


def _pairs(scale: Scale) -> list:
    pairs = list(scale) if len(scale) and isinstance(scale[0], Sequence) else [scale]
    for pair in pairs:
        if not isinstance(pair, Sequence) or len(pair) != 2 or not all(map(_is_finite, pair)) or not _below(*pair):
            raise ValueError(
                f'scale={scale!r}; allowed: (low, high), low below high as float32, or a list of one such pair a band'
            )
    return pairs


def _below(low: float, high: float) -> bool:
    return bool(np.float32(low) < np.float32(high))  # as which they are computed with


def _is_finite(value) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def counted(count: int) -> str:
    """Write how many bands there are."""
    return f'{count} band{"s" * (count > 1)}'
