"""Colours as numbers of 24 bits, which a table can be looked up by: red in the lowest byte, blue in the highest."""

import re
from collections.abc import Sequence

import numpy as np

Colour = Sequence[int] | str  # (R, G, B), '#rrggbb' or 'transparent'

WRITTEN = "(R, G, B) of 0 to 255, '#rrggbb' or 'transparent'"
TRANSPARENT = 1 << 24  # the number after the last colour: no colour is seen there
EVERY_COLOUR = TRANSPARENT - 1
MOST_MIXED = 256  # colours that are looked at to tell whether edges are smooth
ROUNDED = 2  # by how much a mixture may lie beside the line between two colours


def is_colour(value: object) -> bool:
    """Tell a colour from several of them."""
    return isinstance(value, str) or (
        isinstance(value, Sequence) and len(value) == 3 and all(isinstance(part, int) for part in value)
    )


def number_of(colour: Colour) -> int:
    """Return a colour's number.

    Raises:
        ValueError: it is none.
    """
    if colour == 'transparent':
        return TRANSPARENT
    if isinstance(colour, str) and re.fullmatch('#[0-9a-fA-F]{6}', colour):
        return int.from_bytes(bytes.fromhex(colour[1:]), 'little')
    if isinstance(colour, str) or not is_colour(colour) or not 0 <= min(colour) <= max(colour) <= 255:
        raise ValueError(f'{colour!r} is no colour; allowed: {WRITTEN}')
    return int.from_bytes(bytes(colour), 'little')


def colour_of(number: int) -> tuple[int, ...] | str:
    """Return the colour of a number, as it is written in a config."""
    return 'transparent' if number == TRANSPARENT else tuple(int(number).to_bytes(3, 'little'))


def numbers_of(pixels: np.ndarray) -> np.ndarray:
    """Return the numbers of pixels' colours, (H, W) uint32.

    Args:
        pixels: (H, W, 3) or (H, W, 4), uint8, RGB or RGBA; alpha is 255, or 0, whatever the colour.

    Raises:
        ValueError: alpha is between; says where.
    """
    if pixels.shape[2] == 3:
        red, green, blue = np.moveaxis(pixels, 2, 0).astype(np.uint32)
        return red | green << 8 | blue << 16
    numbers = np.ascontiguousarray(pixels).view('<u4')[..., 0]
    alpha = pixels[..., 3]
    if (alpha == 255).all():
        return numbers & EVERY_COLOUR
    half = (alpha > 0) & (alpha < 255)
    if half.any():
        y, x = np.unravel_index(half.argmax(), half.shape)
        raise ValueError(f'{half.sum()} pixels are half transparent, the first at x {x}, y {y}, alpha {alpha[y, x]}')
    return np.where(alpha == 0, TRANSPARENT, numbers & EVERY_COLOUR)


def nearest(number: int, known: np.ndarray) -> int:
    """Return the known colour's number that is nearest to a colour's, by the distance of red, green and blue."""
    known = known[known < TRANSPARENT] if (known < TRANSPARENT).any() else known
    return int(known[np.square(_channels(known) - _channels(np.array([number]))).sum(1).argmin()])


def are_mixtures(numbers: np.ndarray, known: np.ndarray) -> bool:
    """Tell whether most of some colours lie between two known ones, as those of smooth edges do."""
    ends, points = _channels(known[known < TRANSPARENT]).astype(float), _channels(numbers[:MOST_MIXED]).astype(float)
    first, second = np.triu_indices(len(ends), 1)
    if not len(first):
        return False
    start, way = ends[first], ends[second] - ends[first]  # (pairs, 3)
    mixed = []
    for point in points:
        share = ((point - start) * way).sum(1) / np.square(way).sum(1)
        beside = np.abs(start + share.clip(0, 1)[:, None] * way - point).max(1)
        mixed.append(bool((beside <= ROUNDED).any()))
    return 2 * sum(mixed) > len(mixed)


def _channels(numbers: np.ndarray) -> np.ndarray:
    """Return (N, 3), int64, of (N,) numbers; what is transparent is as black."""
    return numbers.astype(np.int64)[:, None] >> np.array([0, 8, 16]) & 255
