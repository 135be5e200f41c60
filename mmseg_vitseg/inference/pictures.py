"""Reading pictures of any kind as RGB. H W size in pixels."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = ('.bmp', '.gif', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')


def read_picture(path: str | Path) -> np.ndarray:
    """Read a picture as it is meant to be seen: (H, W, 3), uint8, RGB.

    The EXIF orientation is applied; transparent parts become white; grey, palette and CMYK pictures are converted; 16-bit
    ones keep their upper eight bits; of an animated one the first frame is taken.

    Raises:
        FileNotFoundError, ValueError: with the file's name.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('error', Image.DecompressionBombWarning)
            with Image.open(path) as file:
                return to_rgb(ImageOps.exif_transpose(file))
    except FileNotFoundError as error:
        raise FileNotFoundError(f'{path}: no such file') from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f'{path}: not a picture, or damaged ({error})') from error


def to_rgb(picture: Image.Image) -> np.ndarray:
    """Convert a picture of any mode to (H, W, 3), uint8, RGB."""
    if picture.mode in ('I', 'F'):
        raise ValueError(f'pixels of mode {picture.mode}, 32 bits; of how many is white? Convert it to 8 or 16 bits')
    if picture.mode.startswith('I;16'):  # which Pillow itself would cut off at 255
        upper = np.asarray(picture).astype(np.int64) >> 8
        return np.repeat(upper.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    if picture.has_transparency_data:
        picture = picture.convert('RGBA')
        white = Image.new('RGBA', picture.size, 'white')
        picture = Image.alpha_composite(white, picture)
    return np.array(picture.convert('RGB'))
