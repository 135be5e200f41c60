"""Pictures of any kind as RGB, and arrays of any bands as they are shown. H W size in pixels, C bands."""

import warnings
from collections.abc import Sequence
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


def to_display(
    picture: np.ndarray, *, bgr: bool, bands: Sequence[int] | None = None, nodata: np.ndarray | None = None
) -> np.ndarray:
    """Return a picture of any number of bands and any dtype as it is shown: (H, W, 3), uint8, RGB.

    One band is grey, two are red and green, of more the first three are shown. Values of 8 bits are shown as they are,
    whole floats from 0 to 255 too; of any others each band is stretched by itself, its 1st to its 99th hundredth from black
    to white, and what is no number, or no data, is black.

    Args:
        picture: (H, W) or (H, W, C).
        bgr: the first three bands are blue, green, red.
        bands: those that are red, green and blue, or the one that is grey, counted from 1, as RGB where they are BGR.
        nodata: (H, W), bool, where there are no data.

    Raises:
        ValueError: the picture has not so many bands.
    """
    picture = picture[..., None] if picture.ndim == 2 else picture
    count = picture.shape[2]
    if bands is not None:
        shown = picture[..., [_index(band, count, bgr) for band in bands]]
    else:
        shown = picture[..., 2::-1] if bgr and count >= 3 else picture[..., :3]
    if shown.shape[2] == 1:
        shown = np.repeat(shown, 3, axis=2)
    elif shown.shape[2] == 2:
        shown = np.concatenate([shown, np.zeros_like(shown[..., :1])], axis=2)
    return np.ascontiguousarray(_eight_bits(shown, nodata))


def _index(band: int, count: int, bgr: bool) -> int:
    """Return where a band stands, from 0, in a picture of ``count``."""
    if band > count:
        raise ValueError(
            f'band {band} is to be shown (show_bands), of pictures that have {count}; allowed: 1 to {count}'
        )
    return 3 - band if bgr and band <= 3 <= count else band - 1


def _eight_bits(bands: np.ndarray, nodata: np.ndarray | None) -> np.ndarray:
    if bands.dtype == np.uint8:
        eight = bands
    elif bands.dtype.kind == 'f' and np.array_equal(bands, bands.clip(0, 255).round()):
        eight = bands.astype(np.uint8)
    else:
        return _stretched(bands, np.isfinite(bands) if nodata is None else np.isfinite(bands) & ~nodata[..., None])
    return eight if nodata is None else np.where(nodata[..., None], 0, eight)


def _stretched(bands: np.ndarray, known: np.ndarray) -> np.ndarray:
    numbers = np.where(known, bands, np.nan)
    if np.isnan(numbers).all(axis=(0, 1)).any():  # nothing of a band can be shown
        numbers = np.nan_to_num(numbers)
    low, high = np.nanpercentile(numbers, (DARKEST, BRIGHTEST), axis=(0, 1))  # (3,) each
    scaled = (numbers - low) / np.where(high > low, high - low, 1)
    return np.round(255 * np.nan_to_num(scaled).clip(0, 1)).astype(np.uint8)
