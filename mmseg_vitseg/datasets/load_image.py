"""Loading images with errors that name the file: the host's transform, which lets some damage pass, and any bands.

OpenCV fills a truncated JPEG with grey and says nothing to the caller; Pillow, used here, refuses it.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from PIL import Image, UnidentifiedImageError

from mmseg_vitseg.datasets.band_files import OF_RASTERS, read_bands
from mmseg_vitseg.datasets.bands import BandRule, Scale
from mmseg_vitseg.datasets.rasters import FileError
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.pictures.reading import ARRAYS
from mmseg_vitseg.registry import TRANSFORMS

WIDE = ('I', 'F')  # the modes, or their beginnings, of pixels that the host would cut off at 255
MISSING = (
    'no such {}, which its data set names: it is gone since, or a line of the split file or a suffix is wrong; '
    'tools/check_config.py CONFIG --data says more'
)


# Under the host's name too, with _scope_='mmseg_vitseg': the host's inference looks for steps of these names.
@TRANSFORMS.register_module(name=['LoadImage', 'LoadImageFromFile'])
class LoadImage(LoadImageFromFile):
    """The host's LoadImageFromFile: ``img``, (H, W, 3) BGR uint8. A file that cannot be decoded whole is an error.

    With ``bands``, the file's own bands, of any number and depth: ``img``, (H, W, C) in their order; ``scale`` makes values
    of 0 to 255 of them, float32. Pixels without data become ``fill``, and ``nodata``, (H, W) bool, says where they are:
    LoadMask, after this step, ignores them.

    Args:
        bands: ``'all'``, or numbers from 1: see :class:`~mmseg_vitseg.datasets.bands.BandRule`; None for the host's colours.
        scale, nodata, fill: with ``bands``; see there.
        imdecode_backend, kwargs: the host's, without ``bands``; ``backend_args`` and ``ignore_empty`` with it too.

    Raises:
        FileNotFoundError, ValueError: with the file's name.
    """

    def __init__(
        self,
        *,
        bands: Literal['all'] | Sequence[int] | None = None,
        scale: Scale | None = None,
        nodata: float | Literal['file'] | None = 'file',
        fill: float | Sequence[float] = 0,
        imdecode_backend: str = 'pillow',
        **kwargs,
    ):
        super().__init__(imdecode_backend=imdecode_backend, **kwargs)
        self.rule = None if bands is None else BandRule(bands=bands, scale=scale, nodata=nodata, fill=fill)
        self.first: tuple[int, str] | None = None  # how many bands the first file has, and its name
        if bands is None and (scale, nodata, fill) != (None, 'file', 0):
            raise ValueError(
                "LoadImage: scale, nodata and fill are for a file's own bands, so with bands='all', or (1, 2, 3)"
            )
        if bands is not None and {'color_type', 'to_float32'} & kwargs.keys():
            raise ValueError("LoadImage: bands= gives a file's own values; leave out color_type and to_float32")

    def transform(self, results: dict) -> dict | None:
        """Add ``img``, ``img_shape`` and ``ori_shape`` to the results; None for no image, where the host is told to."""
        path = results['img_path']
        try:
            if self.rule is not None:
                return self._with_bands(results, self.rule)
            if self.imdecode_backend == 'pillow' and self.color_type != 'unchanged' and not self.file_client_args:
                self._refuse_wide(path)
            loaded = super().transform(results)
            if loaded is not None:
                loaded['img'] = in_one_piece(loaded['img'])
            return loaded
        except (OSError, ValueError, SyntaxError, AssertionError) as error:
            if self.ignore_empty:
                return None
            if isinstance(error, FileNotFoundError):
                raise FileNotFoundError(f'{path}: {MISSING.format("image")}') from error
            if isinstance(error, FileError):
                raise
            if isinstance(error, WideError):
                raise ValueError(f'{path}: {error}') from error
            bands = Path(path).suffix.lower() in (*OF_RASTERS, *ARRAYS) and self.rule is None
            raise ValueError(
                f'{path}: not an image, or damaged ({why_unreadable(error)}); fetch it again or take it off the split'
                + (f", or read its own bands: {type(self).__name__}(bands='all')" if bands else '')
            ) from error

    def _with_bands(self, results: dict, rule: BandRule) -> dict:
        path = results['img_path']
        picture, nowhere = read_bands(path, rule, backend_args=self.backend_args)
        count = picture.shape[2]
        self.first = self.first or (count, path)
        if count != self.first[0]:
            raise FileError(
                f'{path}: {count} bands, and {self.first[1]} has {self.first[0]}; name those that all files have: '
                'bands=(1, 2, ...)'
            )
        return with_picture(results, picture, nowhere)

    def _refuse_wide(self, path: str) -> None:
        with Image.open(io.BytesIO(fileio.get(path, backend_args=self.backend_args))) as file:
            if file.mode.startswith(WIDE):
                raise WideError(
                    f'pixels of mode {file.mode}, more than 8 bits; convert it to 8 bits, or read it as it is: '
                    "bands='all'"
                )


def in_one_piece(picture: np.ndarray) -> np.ndarray:
    """Return a picture whose pixels follow each other in memory, as OpenCV takes them.

    What Pillow decodes is RGB, and the host's BGR a backward view of it, which the next step would copy, slowly: to resize
    it took four times as long.
    """
    backward = picture[..., ::-1]
    if picture.ndim == 3 and picture.shape[2] == 3 and backward.flags.c_contiguous:
        return cv2.cvtColor(backward, cv2.COLOR_RGB2BGR)
    return np.ascontiguousarray(picture)


def with_picture(results: dict, picture: np.ndarray, nowhere: np.ndarray | None) -> dict:
    """Add a picture to the results, as the host's step does, and ``nodata``, where it has no data."""
    results.update(img=picture, img_shape=picture.shape[:2], ori_shape=picture.shape[:2])
    if nowhere is not None:
        results['nodata'] = nowhere
    return results


class WideError(ValueError):
    """A picture of more than 8 bits a channel."""


def why_unreadable(error: Exception) -> str:
    """Say why a picture could not be read; Pillow itself would name an object in memory."""
    return 'of no format that is known' if isinstance(error, UnidentifiedImageError) else first_line(error)
