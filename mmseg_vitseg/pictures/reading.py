"""Pictures of any kind as RGB, and arrays of any bands as they are shown. H W size in pixels, C bands."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

SUFFIXES = ('.bmp', '.gif', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff', '.webp')
ARRAYS = ('.npy', '.npz')
DARKEST, BRIGHTEST = 1, 99  # hundredths of a band's values that are shown black, and white


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


def to_display(picture: np.ndarray, *, bgr: bool) -> np.ndarray:
    """Return a picture of any number of bands and any dtype as it is shown: (H, W, 3), uint8, RGB.

    One band is grey, two are red and green, of more the first three are shown. Values of 8 bits are shown as they are,
    whole floats from 0 to 255 too; of any others each band is stretched by itself, its 1st to its 99th hundredth from black
    to white, and what is no number is black.

    Args:
        picture: (H, W) or (H, W, C).
        bgr: the first three bands are blue, green, red.
    """
    bands = picture[..., None] if picture.ndim == 2 else picture[..., :3]
    if bands.shape[2] == 1:
        bands = np.repeat(bands, 3, axis=2)
    elif bands.shape[2] == 2:
        bands = np.concatenate([bands, np.zeros_like(bands[..., :1])], axis=2)
    elif bgr:
        bands = bands[..., ::-1]
    return np.ascontiguousarray(_eight_bits(bands))


def _eight_bits(bands: np.ndarray) -> np.ndarray:
    if bands.dtype == np.uint8:
        return bands
    if bands.dtype.kind == 'f' and np.array_equal(bands, bands.clip(0, 255).round()):
        return bands.astype(np.uint8)
    numbers = np.where(np.isfinite(bands), bands, np.nan)
    if np.isnan(numbers).all(axis=(0, 1)).any():  # nothing of a band can be shown
        numbers = np.nan_to_num(numbers)
    low, high = np.nanpercentile(numbers, (DARKEST, BRIGHTEST), axis=(0, 1))  # (3,) each
    scaled = (numbers - low) / np.where(high > low, high - low, 1)
    return np.round(255 * np.nan_to_num(scaled).clip(0, 1)).astype(np.uint8)
