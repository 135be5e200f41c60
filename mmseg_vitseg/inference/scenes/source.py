"""A scene: a file of which windows are read, as the config's test pipeline reads pictures. H W size in pixels, C bands."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from mmseg_vitseg.datasets.load_image import with_picture
from mmseg_vitseg.datasets.rasters import Raster, open_raster
from mmseg_vitseg.datasets.reader import run_steps
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.inference.pipeline import Pipeline
from mmseg_vitseg.inference.scenes.layout import Rectangle

TIFF = ('.tif', '.tiff')
LARGE_TIFF = 16_000_000  # pixels: a TIFF of more is a scene
LARGE_PICTURE = 64_000_000  # pixels of any other, for photographs have as many
CACHE_BYTES = 2**26  # of what GDAL keeps of files, whose own default is a twentieth of the memory


def is_large(file: Path) -> bool:
    """Tell whether a file is so large that it is predicted in windows; of one that cannot be read, no."""
    if file.suffix.lower() in TIFF:
        try:
            with open_raster(file) as raster:
                return raster.height * raster.width > LARGE_TIFF
        except (OSError, ValueError):
            return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)
            with Image.open(file) as picture:
                return picture.width * picture.height > LARGE_PICTURE
    except Image.DecompressionBombError:
        return True
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError):
        return False


class Scene:
    """An open scene.

    Args:
        file: its.
        raster: the open file.
        pipeline: the config's.

    Raises:
        ValueError: a file that is no picture for the pipeline, or one whose reading step reads whole files only.
    """

    def __init__(self, file: Path, raster: Raster, pipeline: Pipeline):
        self.file, self.raster, self.pipeline = file, raster, pipeline
        self.size = raster.height, raster.width
        self.resizing = [type(step).__name__ for step in pipeline.rest if 'Resize' in type(step).__name__]
        self.steps = [step for step in pipeline.rest if type(step).__name__ not in self.resizing]
        self.rule = pipeline.reader.rule
        if self.rule is None and not pipeline.reader.decodes:
            raise ValueError(
                f'{file}: a scene, and the config reads pictures with {pipeline.reader.name}, which reads whole files; '
                "read them with dict(type='mmseg_vitseg.LoadImage', bands='all'), or allow whole ones: --scene no"
            )
        if self.rule is None:
            check_colours(file, raster.dataset)

    def read(self, part: Rectangle) -> tuple[np.ndarray, np.ndarray]:
        """Read a part: (H, W, C) as the config reads it, colours as RGB; and where there are data, (H, W), bool.

        Raises:
            ValueError: it cannot be read; with the part.
        """
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        window = Window(part.left, part.top, part.size[1], part.size[0])
        try:
            if self.rule is None:
                return read_colours(self.raster.dataset, window)
            picture, nowhere = self.raster.read(self.rule, window)
        except RasterioError as error:
            raise ValueError(
                f'{self.file}: rows {part.top} to {part.bottom}, columns {part.left} to {part.right} cannot be read: the '
                f'file is damaged, or cut off ({first_line(error.__cause__ or error)}); fetch it again'
            ) from error
        return picture, np.ones(part.size, bool) if nowhere is None else ~nowhere

    def rows(self, tops: Sequence[int], height: int, left: int, right: int) -> Iterator[dict]:
        """Yield ``top``, ``pixels`` and ``valid`` of rows of windows, as :meth:`read` gives them; each pixel is read once.

        Args:
            tops: their first rows, ascending.
            height: of a window.
            left, right: the columns.
        """
        pixels, valid = self.read(Rectangle(tops[0], tops[0] + height, left, right))
        yield dict(top=tops[0], pixels=pixels, valid=valid)
        for before, top in pairwise(tops):
            bottom = before + height
            new, new_valid = self.read(Rectangle(max(top, bottom), top + height, left, right))
            both = slice(top - before, None)  # rows of the last one that this one has too
            pixels, valid = np.concatenate([pixels[both], new]), np.concatenate([valid[both], new_valid])
            yield dict(top=top, pixels=pixels, valid=valid)

    def prepare(self, pixels: np.ndarray) -> dict:
        """Make of a window's pixels what the test pipeline makes of a picture, at its own size."""
        if self.rule is None:
            grey = self.pipeline.channels == 1 and self.pipeline.reader.colours is None  # as the file has it
            loaded = self.pipeline.load(pixels[..., 0] if grey else pixels)
        else:
            loaded = with_picture(dict(img_path=str(self.file), seg_fields=[]), pixels, None)
        packed = run_steps(self.steps, loaded)
        inputs = packed.get('inputs')
        if not isinstance(inputs, Tensor) or tuple(inputs.shape[-2:]) != pixels.shape[:2]:
            names = ', '.join(type(step).__name__ for step in self.steps)
            raise ValueError(
                f"{self.file}: a window of {pixels.shape[0]} x {pixels.shape[1]} does not keep its size in the config's "
                f'test pipeline ({names}); a scene is predicted at its own size: take out the step that changes it'
            )
        return packed


@contextmanager
def open_scene(file: Path, pipeline: Pipeline) -> Iterator[Scene]:
    """Open a file as a scene.

    Raises:
        FileNotFoundError, ValueError: see :func:`~mmseg_vitseg.datasets.rasters.open_raster` and :class:`Scene`.
    """
    with open_raster(file) as raster, _little_cache():
        yield Scene(file, raster, pipeline)


def _little_cache() -> Any:
    import rasterio

    return rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES)


def check_colours(file: Path, dataset: Any) -> None:
    """Check that a file's bands are colours, of 8 or 16 bits, grey or RGB, with an alpha band or without, and upright.

    Raises:
        ValueError: they are not.
    """
    kinds = [kind.name for kind in dataset.colorinterp]
    colours = len(kinds) - ('alpha' in kinds)
    if colours not in (1, 3) or set(dataset.dtypes) - {'uint8', 'uint16'}:
        raise ValueError(
            f"{file}: {len(kinds)} bands of {dataset.dtypes[0]}, and the config's test pipeline reads colours; take out "
            'three that are (gdal_translate -b 1 -b 2 -b 3 -ot Byte -scale), or, where the model was trained on such bands, '
            "name them: dict(type='mmseg_vitseg.LoadImage', bands='all', scale=(low, high))"
        )
    turned = dataset.tags().get('EXIF_Orientation', '1')
    if turned != '1':
        raise ValueError(
            f'{file}: a scene, to be turned as EXIF orientation {turned} says; save it turned (gdal_translate leaves it as '
            "it is, Pillow's ImageOps.exif_transpose turns), or allow whole ones: --scene no"
        )


def read_colours(dataset: Any, window: Any) -> tuple[np.ndarray, np.ndarray]:
    """Read a window of a file of colours, RGB (H, W, 3), uint8, of 16 bits the upper eight; and where it has data (H, W)."""
    kinds = [kind.name for kind in dataset.colorinterp]
    bands = [number for number, kind in enumerate(kinds, 1) if kind != 'alpha']
    values = dataset.read(bands * 3 if len(bands) == 1 else bands, window=window)
    if kinds == ['palette']:
        colours = np.zeros((np.iinfo(values.dtype).max + 1, 3), np.uint8)
        for index, colour in dataset.colormap(1).items():
            colours[index] = colour[:3]
        values = colours[values[0]].transpose(2, 0, 1)
    if values.dtype == np.uint16:
        values = (values >> 8).astype(np.uint8)
    whole = {flag.name for flags in dataset.mask_flag_enums for flag in flags} == {'all_valid'}
    valid = np.ones(values.shape[1:], bool) if whole else dataset.dataset_mask(window=window) > 0
    return np.ascontiguousarray(values.transpose(1, 2, 0)), valid
