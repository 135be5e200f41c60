"""Overlays, index masks and shares of classes. H W size in pixels, K classes."""

import colorsys

import numpy as np
from PIL import Image, ImageDraw

UNKNOWN = 235  # grey of a truth that is not known
SWATCH = 14  # pixels of a legend's colour field
LINE = 20  # pixels of a legend's line
ROWS = 16  # of a picture, blended at a time: as floats they stay in the processor's cache


def label_colours(palette: np.ndarray) -> np.ndarray:
    """Extend a palette (K, 3) to whatever a truth of 8 bits may hold, (256 or more, 3): what is ignored is black."""
    colours = np.zeros((max(256, len(palette)), 3), np.uint8)
    colours[: len(palette)] = palette
    return colours


def distinct_colours(count: int) -> list[tuple[int, int, int]]:
    """Return colours for classes without: hues that go round by the golden ratio, so that neighbours differ."""
    colours = (colorsys.hsv_to_rgb(index * 0.618034 % 1, 0.65, 0.95) for index in range(count))
    return [(round(255 * red), round(255 * green), round(255 * blue)) for red, green, blue in colours]


def overlay(picture: np.ndarray, labels: np.ndarray, palette: np.ndarray, opacity: float) -> np.ndarray:
    """Blend a picture (H, W, 3) RGB uint8 with the colours of its classes (H, W)."""
    colours = palette * opacity
    blended = np.empty(picture.shape, np.uint8)
    for top in range(0, len(picture), ROWS):
        rows = slice(top, top + ROWS)
        mixed = picture[rows] * (1 - opacity)
        mixed += colours.take(labels[rows], axis=0)
        blended[rows] = np.rint(mixed, out=mixed)
    return blended


def areas(labels: np.ndarray, names: list[str]) -> list[dict]:
    """Return each class's ``class``, ``pixels`` and ``share`` of a label map (H, W), the largest first, those that occur."""
    return shares(np.bincount(labels.ravel(), minlength=len(names)), names)


def shares(counts: np.ndarray, names: list[str]) -> list[dict]:
    """Return the same of each class's number of pixels (K,)."""
    order = np.argsort(-counts, kind='stable')
    return [
        {'class': names[index], 'pixels': int(counts[index]), 'share': counts[index] / counts.sum()}
        for index in order
        if counts[index]
    ]


def with_legend(picture: np.ndarray, table: list[dict], names: list[str], palette: np.ndarray) -> Image.Image:
    """Put the classes and their shares under a picture (H, W, 3), in as many columns as its width allows."""
    texts = [f'{row["class"]} {100 * row["share"]:.1f} %' for row in table]
    height, width = picture.shape[:2]
    widths = [int(ImageDraw.Draw(Image.new('RGB', (1, 1))).textlength(text)) for text in texts]
    column = max(widths, default=0) + SWATCH + 16
    columns = max(1, width // column)
    sheet = Image.new('RGB', (max(width, column), height + LINE * -(-len(texts) // columns) + 6), 'white')
    sheet.paste(Image.fromarray(picture))
    draw = ImageDraw.Draw(sheet)
    for index, (row, text) in enumerate(zip(table, texts, strict=True)):
        left, top = index % columns * column + 4, height + 4 + index // columns * LINE
        colour = tuple(int(part) for part in palette[names.index(row['class'])])
        draw.rectangle((left, top, left + SWATCH, top + SWATCH), fill=colour, outline='black')
        draw.text((left + SWATCH + 6, top + 1), text, fill='black')
    return sheet


def index_mask(
    labels: np.ndarray, palette: np.ndarray, first: int = 0, nodata: np.ndarray | None = None
) -> Image.Image:
    """Return a picture whose pixels are the classes (H, W), counted from ``first``.

    It has a palette where its values are below 256, else 16 bits. Where there is no data, (H, W) bool, the value is the
    largest of the two: 255 or 65535.
    """
    colours = np.concatenate([np.zeros((first, 3), np.uint8), palette])
    values = labels + first
    deep = len(colours) > 256 - (nodata is not None)
    if nodata is not None:
        values = np.where(nodata, 65535 if deep else 255, values)
        colours = np.concatenate([colours, np.zeros((max(0, 256 - len(colours)), 3), np.uint8)])
    if deep:
        return Image.fromarray(values.astype(np.uint16))
    mask = Image.fromarray(values.astype(np.uint8), 'P')
    mask.putpalette(colours.ravel().tolist())
    return mask
