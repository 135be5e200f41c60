"""Rasters of one band as GeoTIFF, with another file's georeference: written part by part, and read back."""

import errno
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.datasets.rasters import opened
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.inference.scenes.layout import TILE, Rectangle

TAG = 'MMSEG_VITSEG'  # of what a raster is, as JSON
SPARE_BYTES = 2**20


def georeference(dataset: Any) -> dict:
    """Return a georeference as rasterio writes it: the CRS, and the transform or the ground control points."""
    points, crs = dataset.gcps
    if points:
        return dict(gcps=points, crs=crs)
    if dataset.crs is None and dataset.transform.is_identity:  # there is none
        return {}
    return dict(crs=dataset.crs, transform=dataset.transform)


def write_raster(
    path: Path,
    parts: Iterable[tuple[Rectangle, np.ndarray]],
    *,
    like: Any,
    about: dict,
    dtype: np.dtype,
    nodata: int,
    needs: int,
    colours: dict | None = None,
) -> None:
    """Write a tiled, compressed GeoTIFF of one band with another file's georeference, whole or not at all.

    Args:
        path: where it goes.
        parts: where and what; together the whole.
        like: the open file whose size and georeference it gets.
        about: of what it is; a tag.
        dtype, nodata, colours: the band's.
        needs: bytes that must be free: GDAL says too late, or never, that they are not.

    Raises:
        OSError: the disk is full, or it could not be written whole.
    """
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
        with whole(path) as temporary:
            with opened(temporary, 'w', **profile) as file:
                file.update_tags(**{TAG: json.dumps(about)})
                if like.rpcs:
                    file.rpcs = like.rpcs
                if colours is not None:
                    file.write_colormap(1, colours)
                for where, values in parts:
                    file.write(values, 1, window=Window(where.left, where.top, where.size[1], where.size[0]))
                    total += int(values.sum(dtype=np.int64))
            if total != sum(int(values.sum(dtype=np.int64)) for _, values in rows_of_tiles(temporary)):
                raise OSError(errno.EIO, 'what was written cannot be read back', str(path))
    except RasterioError as error:
        raise OSError(errno.EIO, f'cannot be written ({first_line(error.__cause__ or error)})', str(path)) from error


def rows_of_tiles(path: Path) -> Iterator[tuple[Rectangle, np.ndarray]]:
    """Yield the rows of tiles of a raster of one band: where and what."""
    from rasterio.windows import Window

    with opened(path) as file:
        for top in range(0, file.height, TILE):
            where = Rectangle(top, min(top + TILE, file.height), 0, file.width)
            yield where, file.read(1, window=Window(0, top, file.width, where.size[0]))


def tag_of(path: Path) -> dict | None:
    """Return of what a mask is; None where it does not say, or is none."""
    from rasterio.errors import RasterioError

    try:
        with opened(path) as file:
            return json.loads(file.tags().get(TAG, 'null'))
    except (RasterioError, ValueError):
        return None
