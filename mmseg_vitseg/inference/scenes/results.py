"""What is written of a scene: its mask as a tiled GeoTIFF with the scene's georeference, and a small overlay.

H W size of the scene in pixels, f the overlay's step: one pixel of it stands for f x f.
"""

import errno
import json
import os
import shutil
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.inference.outputs.predicted import Classes
from mmseg_vitseg.inference.scenes.layout import TILE, Rectangle
from mmseg_vitseg.inference.scenes.source import Scene

OVERVIEW = 2048  # pixels of the overlay's longer side, at most
TAG = 'MMSEG_VITSEG'  # of a mask: of what it is, as JSON
SPARE_BYTES = 2**20


class Numbers:
    """The numbers of a mask's pixels.

    Args:
        classes: the data set's; a mask has its numbers.
    """

    def __init__(self, classes: Classes):
        self.first = classes.first
        largest = classes.first + len(classes.names) - 1
        self.dtype = np.dtype(np.uint8 if largest < 255 else np.uint16)
        self.nodata = 2 ** (8 * self.dtype.itemsize) - 1
        self.colours = None
        if self.dtype == np.uint8:
            self.colours = {classes.first + index: (*map(int, one), 255) for index, one in enumerate(classes.palette)}
            self.colours[self.nodata] = (0, 0, 0, 0)

    def of(self, labels: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Return the numbers (H, W) of labels, counted from 0; without data ``nodata``."""
        return np.where(valid, labels + self.first, self.nodata).astype(self.dtype)

    def counts(self, masks: Iterable[np.ndarray], classes: int) -> np.ndarray:
        """Count the pixels of each class, (K,), and behind them those without data."""
        counts = np.zeros(self.nodata + 1, np.int64)
        for mask in masks:
            counts += np.bincount(mask.ravel(), minlength=len(counts))
        return np.append(counts[self.first : self.first + classes], counts[self.nodata])


class Collected:
    """What is seen of parts that pass by: each class's pixels, and every f-th pixel.

    Args:
        numbers: the mask's.
        classes: K.
        size: (H, W).
    """

    def __init__(self, numbers: Numbers, classes: int, size: tuple[int, int]):
        self.numbers, self.classes = numbers, classes
        self.step = -(-max(size) // OVERVIEW)
        self.counts = np.zeros(classes + 1, np.int64)
        self.overview = np.full([-(-side // self.step) for side in size], numbers.nodata, numbers.dtype)

    def take(self, where: Rectangle, mask: np.ndarray) -> np.ndarray:
        """Look at a part, and return it."""
        self.counts += self.numbers.counts([mask], self.classes)
        rows, columns, sampled = sampled_part(where, self.step)
        self.overview[rows, columns] = mask[sampled]
        return mask


def sampled_part(where: Rectangle, step: int) -> tuple[slice, slice, tuple[slice, slice]]:
    """Return which rows and columns of an overview a part has, and which pixels of the part these are."""
    starts = -(-where.top // step), -(-where.left // step)
    stops = -(-where.bottom // step), -(-where.right // step)
    inside = slice(starts[0] * step - where.top, None, step), slice(starts[1] * step - where.left, None, step)
    return slice(starts[0], stops[0]), slice(starts[1], stops[1]), inside


def overview_of(scene: Scene, parts: Iterable[Rectangle], step: int) -> np.ndarray:
    """Return every ``step``-th pixel of a scene, (h, w, C), as its reading step gives them."""
    size = tuple(-(-side // step) for side in scene.size)
    shown = np.zeros((*size, 0))
    for part in parts:
        rows, columns, sampled = sampled_part(part, step)
        pixels = scene.read(part)[0][sampled]
        if not shown.size:
            shown = np.zeros((*size, pixels.shape[2]), pixels.dtype)
        shown[rows, columns] = pixels
    return shown if scene.rule is not None else shown[..., ::-1]  # BGR, as picture files are decoded


def georeference(dataset: Any) -> dict:
    """Return a georeference as rasterio writes it: the CRS, and the transform or the ground control points."""
    points, crs = dataset.gcps
    if points:
        return dict(gcps=points, crs=crs)
    if dataset.crs is None and dataset.transform.is_identity:  # there is none
        return {}
    return dict(crs=dataset.crs, transform=dataset.transform)


def square_metres(dataset: Any) -> float | None:
    """Return the area of a pixel, where the scene is on a map whose unit is a length."""
    if dataset.crs is None or not dataset.crs.is_projected:
        return None
    return abs(dataset.transform.determinant) * dataset.crs.linear_units_factor[1] ** 2


def write_raster(
    path: Path,
    parts: Iterable[tuple[Rectangle, np.ndarray]],
    like: Any,
    *,
    dtype: np.dtype,
    nodata: int | None,
    about: dict,
    needs: int,
    colours: dict | None = None,
) -> None:
    """Write a tiled, compressed GeoTIFF of one band with another file's georeference, whole or not at all.

    Args:
        path: where it goes.
        parts: where and what; together the whole.
        like: the open file whose size and georeference it gets.
        dtype, nodata, colours: the band's.
        about: of what it is; a tag.
        needs: bytes that must be free: GDAL says too late, or never, that they are not.

    Raises:
        OSError: the disk is full, or it could not be written whole.
    """
    import rasterio
    from rasterio.errors import RasterioError
    from rasterio.windows import Window

    if shutil.disk_usage(path.parent).free < needs + SPARE_BYTES:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    profile = dict(
        driver='GTiff', height=like.height, width=like.width, count=1, dtype=dtype.name, nodata=nodata,
        tiled=True, blockxsize=TILE, blockysize=TILE, compress='deflate', bigtiff='if_safer', **georeference(like),
    )  # fmt: skip
    total = 0
    try:
        with ungeoreferenced(), whole(path) as temporary:
            with rasterio.open(temporary, 'w', **profile) as file:
                file.update_tags(**{TAG: json.dumps(about)})
                if like.rpcs:
                    file.rpcs = like.rpcs
                if colours is not None:
                    file.write_colormap(1, colours)
                for where, values in parts:
                    file.write(values, 1, window=Window(where.left, where.top, where.size[1], where.size[0]))
                    total += int(values.sum(dtype=np.int64))
            if total != sum(int(values.sum(dtype=np.int64)) for values in rows_of_tiles(temporary)):
                raise OSError(errno.EIO, 'what was written cannot be read back', str(path))
    except RasterioError as error:
        raise OSError(errno.EIO, f'cannot be written ({first_line(error.__cause__ or error)})', str(path)) from error


@contextmanager
def ungeoreferenced() -> Iterator[None]:
    """Let files have no georeference, which rasterio warns of."""
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        yield


def rows_of_tiles(path: Path) -> Iterator[np.ndarray]:
    """Yield the rows of tiles of a raster of one band."""
    import rasterio
    from rasterio.windows import Window

    with ungeoreferenced(), rasterio.open(path) as file:
        for top in range(0, file.height, TILE):
            yield file.read(1, window=Window(0, top, file.width, min(TILE, file.height - top)))


def tag_of(path: Path) -> dict | None:
    """Return of what a mask is; None where it does not say, or is none."""
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with ungeoreferenced(), rasterio.open(path) as file:
            return json.loads(file.tags().get(TAG, 'null'))
    except (RasterioError, ValueError):
        return None
