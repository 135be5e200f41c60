"""What a layer does with a picture, as one figure. H W size in pixels."""

import matplotlib
import numpy as np
from PIL import Image, ImageDraw

from mmseg_vitseg.inspecting.looking import Look
from mmseg_vitseg.pictures.sheets import captioned

HEIGHT = 360  # pixels of a panel, at least; a larger picture keeps its own up to LARGEST
LARGEST = 800
OPACITY = 0.65  # of the colours over the picture


def figure(picture: np.ndarray, point: tuple[int, int], look: Look, head: int | None) -> Image.Image:
    """Draw the picture with the point, the attention, the rollout where there is one, and the principal components.

    Args:
        picture: (H, W, 3), uint8, RGB.
        point: the query's column and row.
        look: :func:`~mmseg_vitseg.inspecting.looking.look`'s.
        head: which it shows; None for the mean of all.
    """
    shown = f'mean of {look.heads} heads' if head is None else f'head {head}'
    panels = {
        f'the point {point[0]} {point[1]}': picture,
        f'attention of layer {look.layer}, {shown}': heat(picture, look.attention),
    }
    if look.rollout is not None:
        panels[f'attention rollout, layers 0 to {look.layer}'] = heat(picture, look.rollout)
    panels[f'features after layer {look.layer}: three components'] = np.round(
        255 * np.nan_to_num(look.components, nan=1)
    ).astype(np.uint8)
    height = min(max(len(picture), HEIGHT), LARGEST)
    scale = height / len(picture)
    marked = [mark(panel, point, scale) for panel in panels.values()]
    return captioned([(marked, list(panels))], height)


def heat(picture: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Lay values (H, W) over a picture (H, W, 3): dark where they are 0, bright at their 99th hundredth and above."""
    high = np.nanquantile(values, 0.99) or np.nanmax(values) or 1.0
    colours = 255 * matplotlib.colormaps['inferno'](np.nan_to_num(values / high).clip(0, 1))[..., :3]
    grey = picture.mean(2, keepdims=True)
    return np.round(grey * (1 - OPACITY) + colours * OPACITY).astype(np.uint8)


def mark(panel: np.ndarray, point: tuple[int, int], scale: float) -> np.ndarray:
    """Draw a ring around a point of a panel (H, W, 3) that will be shown ``scale`` times as large."""
    marked = Image.fromarray(panel)
    draw = ImageDraw.Draw(marked)
    for radius, colour in ((9, 'black'), (7, 'white')):
        draw.circle(point, radius / scale, outline=colour, width=max(1, round(2 / scale)))
    return np.array(marked)
