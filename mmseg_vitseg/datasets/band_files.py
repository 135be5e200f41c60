"""Pictures of any bands from files: arrays by numpy, 8-bit pictures by Pillow, TIFF and the rest by rasterio."""

import io
from pathlib import Path

import numpy as np
from mmengine import fileio
from PIL import Image, UnidentifiedImageError

from mmseg_vitseg.datasets.bands import BandRule, BandsError
from mmseg_vitseg.datasets.rasters import FileError, open_raster
from mmseg_vitseg.pictures.reading import ARRAYS

OF_RASTERS = ('.tif', '.tiff', '.jp2', '.vrt')  # which are not looked at by Pillow first
EXACT = ('L', 'LA', 'RGB', 'RGBA', 'I;16')  # modes of Pillow's whose arrays are the file's values
WITH_ALPHA = {'LA': 2, 'RGBA': 4}  # and the number of that band

Picture = tuple[np.ndarray, np.ndarray | None]


def read_bands(path: str | Path, rule: BandRule, *, backend_args: dict | None = None) -> Picture:
    """Read a picture's bands: uint8, uint16, int16 or float32, as stored (an EXIF orientation is not applied).

    Args:
        path: the file's, or an address of one of mmengine's file backends.
        rule: which bands, and what becomes of their values.
        backend_args: mmengine's.

    Returns:
        The picture, (H, W, C), and where no band has data, (H, W) bool; None: nowhere.

    Raises:
        FileNotFoundError: there is no such file.
        FileError, OSError, ValueError, SyntaxError: it cannot be read.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in OF_RASTERS:
        content = fileio.get(path, backend_args=backend_args)
        try:
            picture = _of_array(content, rule) if suffix in ARRAYS else _of_pillow(content, rule)
        except BandsError as error:
            raise FileError(f'{path}: {error}') from error
        if picture is not None:
            return picture
    with open_raster(path, backend_args=backend_args) as raster:
        return raster.read(rule)


def picture_of(array: np.ndarray, rule: BandRule) -> Picture:
    """Return of an array, (H, W) or (H, W, C), what is returned of a file of it.

    Raises:
        BandsError: it is none of a picture.
    """
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise BandsError(f'an array of {array.shape}; pictures are (H, W), or (H, W, C)')
    values = array[..., None] if array.ndim == 2 else array
    numbers = rule.numbers(values.shape[2])
    chosen = values if numbers == list(range(1, values.shape[2] + 1)) else values[..., [one - 1 for one in numbers]]
    return rule(np.ascontiguousarray(chosen))


def _of_array(content: bytes, rule: BandRule) -> Picture:
    loaded = np.load(io.BytesIO(content), allow_pickle=False)
    if not isinstance(loaded, np.ndarray):
        if len(loaded.files) != 1:
            raise BandsError(f'{len(loaded.files)} arrays in one file, of which one is the picture; save it by itself')
        loaded = loaded[loaded.files[0]]
    return picture_of(loaded, rule)


def _of_pillow(content: bytes, rule: BandRule) -> Picture | None:
    """Return what Pillow reads as it is stored; None: that is for rasterio."""
    try:
        file = Image.open(io.BytesIO(content))
    except UnidentifiedImageError:
        return None
    with file:
        if file.format == 'TIFF':
            return None
        if (pages := getattr(file, 'n_frames', 1)) > 1:
            raise BandsError(f'{pages} pictures in one file; save the one that is meant by itself')
        return picture_of_image(file, rule)


def picture_of_image(image: Image.Image, rule: BandRule) -> Picture | None:
    """Return of a PIL picture what is returned of a file of it; None: its values are not the file's.

    Raises:
        BandsError: it has not the bands.
    """
    if image.mode == 'P':
        raise BandsError("its band is the indices of a palette's colours; save it as RGB, or read it without bands=")
    packed = any(';' in str(tile[3]) for tile in getattr(image, 'tile', []))  # bits that Pillow stretches, or cuts off
    if image.mode not in EXACT or (packed and image.mode != 'I;16'):
        return None
    array = np.array(image)
    alpha = WITH_ALPHA.get(image.mode)
    if alpha is None or rule.nodata != 'file' or alpha in rule.numbers(alpha):
        return picture_of(array, rule)
    numbers = [one - 1 for one in rule.numbers(alpha)]
    return rule(np.ascontiguousarray(array[..., numbers]), array[..., alpha - 1 :] == 0)
