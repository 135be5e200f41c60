"""Where on the earth the pixels of a file are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_vitseg.datasets.rasters import opened
from mmseg_vitseg.errors import first_line

FIX = (
    'give it one (gdal_translate -a_srs EPSG:... -a_ullr LEFT TOP RIGHT BOTTOM, or the Georeferencer of QGIS), or leave '
    'geojson out of --format; coco has polygons in pixels'
)


@dataclass(frozen=True)
class Georeference:
    """Where on the earth the pixels of a file are.

    Args:
        file: that is meant.
        crs: coordinate reference system, rasterio's.
        transform: from x y in pixels, of the upper left corner of a pixel, to coordinates; affine's.
        shape: height and width in pixels.
    """

    file: Path
    crs: Any
    transform: Any
    shape: tuple[int, int]

    @property
    def square_metres(self) -> float | None:
        """The area of a pixel, see :func:`square_metres`."""
        return square_metres(self.crs, self.transform)

    def points(self, pixels: np.ndarray) -> np.ndarray:
        """Return the coordinates (N, 2) of points (N, 2), x y in pixels."""
        a, b, c, d, e, f = self.transform[:6]
        return pixels @ np.array([[a, d], [b, e]]) + np.array([c, f])


def square_metres(crs: Any, transform: Any) -> float | None:
    """Return the area of a pixel in a projection; None in degrees, where it depends on the place, and without a CRS."""
    if crs is None or not crs.is_projected:
        return None
    return abs(transform.determinant) * crs.linear_units_factor[1] ** 2


def read_georeference(file: Path) -> Georeference:
    """Read where the pixels of a file are; only its header is read.

    Raises:
        ValueError: it has no georeference, or is none that GDAL reads; says how to give it one.
    """
    from rasterio.errors import RasterioError

    try:
        with opened(file) as source:
            found = Georeference(file, source.crs, source.transform, source.shape)
            points = bool(source.gcps[0])
    except RasterioError as error:
        raise ValueError(f'{file}: no georeference, {first_line(error)}; {FIX}') from error
    if points and (found.crs is None or found.transform.is_identity):
        raise ValueError(
            f'{file}: a georeference of ground control points only, which no affine transform is; warp it first: '
            f'gdalwarp {file.name} warped.tif'
        )
    missing = [
        what
        for what, absent in (
            ('coordinate reference system', found.crs is None),
            ('position', found.transform.is_identity),
        )
        if absent
    ]
    if missing:
        raise ValueError(f'{file}: no georeference (no {" and no ".join(missing)}); {FIX}')
    return found
