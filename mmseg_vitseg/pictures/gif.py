"""A GIF of pictures that were drawn one after the other."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from mmseg_vitseg.atomic import whole


def write_gif(pictures: Sequence[Path], path: Path, duration: int) -> None:
    """Write a GIF, whole or not at all, of those of some pictures that are of the last one's size; one at a time is read.

    Args:
        pictures: files, at least one.
        path: the GIF's.
        duration: of a picture in it, in milliseconds.
    """
    size = _size(pictures[-1])
    frames = (_frame(picture) for picture in pictures if _size(picture) == size)
    with whole(path) as temporary:
        next(frames).save(temporary, save_all=True, append_images=frames, duration=duration, loop=0)


def _size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def _frame(path: Path) -> Image.Image:
    """Read a picture in 256 colours, as a GIF has them."""
    with Image.open(path) as picture:
        return picture.quantize()
