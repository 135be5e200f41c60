"""Many pictures on one sheet, with captions. H W size in pixels."""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw

GAP = 6  # pixels between panels
CAPTION = 18  # pixels of a line of text over a panel
TITLE = 30  # pixels of a line of text over a sheet
WIDEST = 8  # times its height that a panel may be wide
NARROWEST = 180  # pixels of a column of panels, for the captions


def captioned(rows: Iterable[tuple[Sequence[np.ndarray], Sequence[str]]], height: int) -> Image.Image:
    """Draw rows of panels, each under its caption, all of one height; those that are far wider than high are lower.

    Args:
        rows: panels (H, W, 3), uint8, RGB, and as many captions; the first of a row is a photograph, the others keep their
            edges when they are resized. Of an iterator, one row at a time is held at full size.
        height: of a panel, in pixels.
    """
    shown = [(_resized(panels, height), captions) for panels, captions in rows]
    column = max(NARROWEST, *(panels[0].width for panels, _ in shown)) + GAP
    columns = max(len(panels) for panels, _ in shown)
    picture = Image.new('RGB', (columns * column + GAP, len(shown) * (height + CAPTION + GAP) + GAP), 'white')
    draw = ImageDraw.Draw(picture)
    for row, (panels, captions) in enumerate(shown):
        top = GAP + row * (height + CAPTION + GAP)
        for index, (panel, caption) in enumerate(zip(panels, captions, strict=True)):
            left = GAP + index * column
            draw.text((left, top + 2), _fit(draw, caption, column - GAP), fill='black')
            picture.paste(panel, (left, top + CAPTION))
    return picture


def _resized(panels: Sequence[np.ndarray], height: int) -> list[Image.Image]:
    """Resize a row's panels (H, W, 3) to ``height``, but no wider than ``WIDEST`` times that."""
    rows, columns = panels[0].shape[:2]
    scale = min(height / rows, WIDEST * height / columns)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    kinds = [Image.Resampling.BILINEAR] + [Image.Resampling.NEAREST] * (len(panels) - 1)
    return [Image.fromarray(panel).resize(size, kind) for panel, kind in zip(panels, kinds, strict=True)]


def _fit(draw: ImageDraw.ImageDraw, text: str, width: int) -> str:
    """Shorten a text in its middle to ``width`` pixels."""
    keep = len(text)
    while draw.textlength(text) > width and keep > 4:
        keep -= 1
        text = f'{text[: keep // 2]}..{text[-(keep // 2) :]}'
    return text


def in_rows(pictures: Sequence[np.ndarray], columns: int, title: str) -> np.ndarray:
    """Arrange pictures of one height (H, W, 3) in rows under a title: (rows H + title, columns W, 3), uint8, RGB."""
    height, width = pictures[0].shape[0] + GAP, max(picture.shape[1] for picture in pictures) + GAP
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = np.full((TITLE + rows * height, columns * width, 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = TITLE + index // columns * height, index % columns * width
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    cv2.putText(sheet, title, (8, TITLE - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
    return sheet
