"""The step of a config's pipeline that reads pictures, which decides what a picture is. H W size in pixels, C channels.

It gives a picture its channels, dtype, orientation and order of colours; whatever of this package predicts or draws takes
them from there. What a picture is in Python, where no file is read:

- an array of three channels is RGB, (H, W, 3); it is turned where the step decodes picture files, which it does as BGR;
- any other is what the step gives, (H, W, C), or (H, W) of one channel;
- where the step is ``LoadImage(bands=...)``, an array is what a file of it would hold, before ``scale`` and ``nodata``: all
  bands of the file, as numpy or rasterio read them, (H, W, C);
- a step that reads colours as grey (``color_type='grayscale'``) takes colours, and makes them grey;
- a PIL picture, or a frame of a video, is taken as the step takes a file of it.
"""

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import LoadImageFromFile
from PIL import Image

from mmseg_vitseg.config.pipelines import reads
from mmseg_vitseg.datasets.band_files import EXACT, picture_of, picture_of_image
from mmseg_vitseg.datasets.bands import BandRule, BandsError
from mmseg_vitseg.datasets.load_image import LoadImage, WideError, why_unreadable, with_picture
from mmseg_vitseg.datasets.rasters import FileError
from mmseg_vitseg.pictures.reading import read_picture, to_rgb

Picture = str | Path | Image.Image | np.ndarray
PACKAGES = ('mmcv', 'mmseg', 'mmseg_vitseg')  # whose steps have names that say what they do
FILLED = ('BMP', 'JPEG', 'MPO', 'PNG')  # formats of which OpenCV fills what is missing, and says nothing
MASK_PATH = 'seg_map_path'


def run_steps(steps: Sequence[Any], results: dict) -> dict:
    """Run steps of a pipeline; one that asks for a mask where there is none is left out.

    Raises:
        ValueError: a step leaves the picture out.
    """
    for step in steps:
        try:
            done = step(results)
        except KeyError as error:
            if error.args != (MASK_PATH,) or MASK_PATH in results:
                raise
            continue
        if done is None:
            raise ValueError(f'{type(step).__name__} leaves it out')
        results = done
    return results


class Reader:
    """The step of a built pipeline that reads pictures, with those before it.

    It is the first ``Load...`` that loads no annotations; where there is none, a first step that is a user's own. A pipeline
    without such a step is for arrays; of files it is :class:`LoadImage`.

    Args:
        steps: the pipeline's.
    """

    def __init__(self, steps: Sequence[Any]):
        self.index = next(
            (index for index, step in enumerate(steps) if reads(dict(type=type(step))) == 'picture'),
            0 if steps and type(steps[0]).__module__.partition('.')[0] not in PACKAGES else None,
        )
        self.steps = [LoadImage()] if self.index is None else list(steps[: self.index + 1])
        self.step = self.steps[-1]
        of_mmcv = type(self.step).transform in (LoadImageFromFile.transform, LoadImage.transform)
        self.rule: BandRule | None = self.step.rule if isinstance(self.step, LoadImage) else None
        # picture files, so three channels are BGR
        self.decodes = of_mmcv and self.rule is None and self.step.imdecode_backend != 'tifffile'
        if self.decodes and 'OPENCV_LOG_LEVEL' not in os.environ:
            # it warns of each tag of a GeoTIFF that it does not know; what it cannot read is an error of the step
            cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)

    @property
    def name(self) -> str:
        """The name of the step."""
        return type(self.step).__name__

    @property
    def colours(self) -> int | None:
        """How many channels files are decoded to, 1 or 3; None where the files say."""
        kind = self.step.color_type if self.decodes else 'unchanged'
        return None if kind == 'unchanged' else 1 if kind.startswith('grayscale') else 3

    def __call__(self, info: dict) -> dict:
        """Read what a data set, or a file's name, says: ``img``, (H, W) or (H, W, C), and what else the step knows."""
        if self.rule is not None:
            self.step.first = None  # each picture is one by itself, not of a data set
        loaded = run_steps(self.steps, info)
        picture = loaded.get('img')
        if not isinstance(picture, np.ndarray) or picture.ndim not in (2, 3):
            found = picture.shape if isinstance(picture, np.ndarray) else type(picture).__name__
            raise ValueError(f'gives no array (H, W) or (H, W, C) as img, but {found}')
        return loaded

    def file(self, path: str) -> dict:
        """Read a file. Of one of more bits than the step reads, the upper eight are taken.

        Raises:
            FileNotFoundError, ValueError: it is missing, or cannot be read.
        """
        if '://' not in path and not Path(path).exists():
            raise FileNotFoundError(f'{path}: no such file')
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore', Image.DecompressionBombWarning)
                if self.decodes and self.step.imdecode_backend == 'cv2':
                    _check_whole(path)
                return self(dict(img_path=path, seg_fields=[]))
        except KeyError as error:
            raise ValueError(
                f"{path}: the config's {self.name} asks for {error}, which its data set knows and a file alone does not say"
            ) from error
        except FileError:
            raise
        except Exception as error:  # each step has its own
            cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
            if isinstance(cause, WideError):
                return self.given(Image.fromarray(read_picture(path)), 3, bgr=True)
            raise ValueError(f'{path}: not a picture, or damaged ({self.name}: {why_unreadable(cause)})') from error

    def given(self, picture: Image.Image | np.ndarray, channels: int, bgr: bool) -> dict:
        """Take a picture, or an array, as the step would have given it.

        Args:
            picture: it.
            channels: how many it has, where the step does not say.
            bgr: the step gives colours as BGR.

        Raises:
            ValueError: an array of another shape or dtype.
        """
        if self.rule is not None:
            return self._with_bands(picture, self.rule, channels)
        array = (
            self._of_picture(picture, bgr) if isinstance(picture, Image.Image) else self._of_array(picture, channels)
        )
        if getattr(self.step, 'to_float32', False):
            array = array.astype(np.float32)
        return dict(img_path=None, img=array, img_shape=array.shape[:2], ori_shape=array.shape[:2], seg_fields=[])

    @staticmethod
    def _with_bands(picture: Image.Image | np.ndarray, rule: BandRule, channels: int) -> dict:
        try:
            given = picture_of_image(picture, rule) if isinstance(picture, Image.Image) else picture_of(picture, rule)
        except BandsError as error:
            raise ValueError(f'predict: {error}') from error
        if given is None:
            raise ValueError(
                f'predict: a PIL picture of another mode than {", ".join(EXACT)}; an array of any bands will do'
            )
        if (found := given[0].shape[2]) != channels:
            raise ValueError(
                f'predict: an array of {found} bands; allowed: (H, W, C), numbers as a file has them, of which '
                f'LoadImage(bands={rule.bands!r}) makes the {channels} of the model'
            )
        return with_picture(dict(img_path=None, seg_fields=[]), *given)

    def _of_picture(self, picture: Image.Image, bgr: bool) -> np.ndarray:
        if self.colours == 1:
            return np.array(Image.fromarray(to_rgb(picture)).convert('L'))
        array = to_rgb(picture) if self.colours == 3 else np.array(picture)
        if bgr and array.ndim == 3 and array.shape[2] >= 3:
            array[..., :3] = array[..., 2::-1].copy()
        return array

    def _of_array(self, array: np.ndarray, channels: int) -> np.ndarray:
        found = 1 if array.ndim == 2 else array.shape[-1]
        floats = getattr(self.step, 'to_float32', False)
        kind = 'uint8 or float' if floats else 'uint8'
        eight_bits = array.dtype == np.uint8 or (floats and array.dtype.kind == 'f')
        if self.colours == 1:
            sound = eight_bits and found in (1, 3)
            allowed = f'(H, W) or (H, W, 1), {kind}, or (H, W, 3), uint8, RGB, which is made grey'
        elif self.colours == 3:
            sound, allowed = eight_bits and found == 3, f'(H, W, 3), {kind}, RGB'
        else:
            sound = array.dtype.kind in 'uif' and found == channels
            allowed = f"(H, W, {channels}), numbers as the config's {self.name} gives them"
        if array.ndim not in (2, 3) or not sound or (self.colours == 1 and found == 3 and array.dtype != np.uint8):
            raise ValueError(f'predict: an array of {array.shape}, {array.dtype}; allowed: {allowed}')
        if self.colours == 1:
            return np.array(Image.fromarray(array).convert('L')) if found == 3 else array.reshape(array.shape[:2])
        return np.ascontiguousarray(array[..., ::-1]) if self.decodes and found == 3 else array


def _check_whole(path: str) -> None:
    """Refuse a picture that is cut off, where OpenCV fills it with grey."""
    try:
        file = Image.open(path)
    except (OSError, ValueError, Image.DecompressionBombError):  # left to OpenCV
        return
    with file:
        if file.format in FILLED:
            file.load()
