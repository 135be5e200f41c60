"""GeoJSON (RFC 7946) of georeferenced label maps. H W size in pixels, N points."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mmseg_vitseg.inference.outputs.coordinates import place_polygons
from mmseg_vitseg.inference.outputs.georeference import Georeference, read_georeference
from mmseg_vitseg.inference.outputs.json_lists import write_list
from mmseg_vitseg.inference.outputs.packages import check_packages
from mmseg_vitseg.inference.outputs.polygons import NO_DATA, area, regions
from mmseg_vitseg.inference.outputs.predicted import Classes, Output, Predicted

STRIP_PIXELS = 2**24  # of a larger map, polygons are cut at the edges of strips of so many
POINTS = 2**16  # of polygons that are transformed together, about
CACHE = 64  # MiB of a file's blocks


class GeoJson(Output):
    """Writes ``NAME.geojson`` of each picture that has a georeference: see :func:`write_geojson`.

    Args:
        classes: the data set's.
        folder: that is there.

    Raises:
        ValueError: rasterio is not installed.
    """

    def __init__(self, classes: Classes, folder: Path):
        check_packages('geojson', 'rasterio')
        self.classes = classes
        self.folder = folder

    def check(self, file: Path) -> None:
        """Refuse a file without a georeference."""
        read_georeference(file)

    def write(self, predicted: Predicted) -> None:
        """Write the picture's polygons."""
        place, labels = read_georeference(predicted.file), predicted.labels
        if place.shape != labels.shape:
            raise ValueError(
                f'{predicted.file}: {labels.shape} pixels as it is read, {place.shape} in its georeference: it is turned '
                'by a tag of its orientation; save it as it is seen'
            )
        target = self.folder / predicted.name.with_name(f'{predicted.name.name}.geojson')
        values = labels + self.classes.first
        if predicted.nodata is not None:
            values = np.where(predicted.nodata, NO_DATA, values)
        write_geojson(target, lambda top, bottom: values[top:bottom], place, self.classes, nodata=NO_DATA)


def mask_to_geojson(mask: Path, target: Path, classes: Classes, *, wgs84: bool = True) -> None:
    """Write the polygons of a georeferenced mask file, which is read in strips.

    Args:
        mask: a file that GDAL reads, whose first band has the numbers of the data set's masks; its no-data value is of no
            polygon.
        target, classes, wgs84: as of :func:`write_geojson`.

    Raises:
        ValueError: rasterio is not installed, or the mask has no georeference.
    """
    check_packages('geojson', 'rasterio')
    import rasterio
    from rasterio.windows import Window

    place = read_georeference(mask)
    with rasterio.Env(GDAL_CACHEMAX=CACHE), rasterio.open(mask) as source:

        def read(top: int, bottom: int) -> np.ndarray:
            return source.read(1, window=Window(0, top, source.width, bottom - top))

        write_geojson(target, read, place, classes, nodata=source.nodata, wgs84=wgs84)


def write_geojson(
    target: Path,
    read: Callable[[int, int], np.ndarray],
    place: Georeference,
    classes: Classes,
    *,
    nodata: float | None = None,
    wgs84: bool = True,
) -> None:
    """Write the regions of a label map as a FeatureCollection: a polygon each, along the edges of pixels, with its holes.

    Its properties are ``class``, ``value`` (its number in the data set's masks), ``pixels``, and ``area`` in square metres
    of the file's projection, to six decimals, None where the file is in degrees. A map of more than ``STRIP_PIXELS`` is read
    in strips, at whose edges polygons are cut, so that the memory does not grow with it.

    Args:
        target: the file, whole or not there.
        read: gives the rows from a first one to before a last one, (H, W), numbers of the data set's masks.
        place: of the map.
        classes: the data set's.
        nodata: a number that is of no class.
        wgs84: longitude and latitude, as RFC 7946 demands; else the coordinates of the file, with the member ``crs`` of
            GeoJSON 2008, which QGIS and GDAL read.

    Raises:
        ValueError: a place that has no longitude and latitude.
    """
    head: dict[str, Any] = dict(type='FeatureCollection')
    if not wgs84:
        head['crs'] = dict(type='name', properties=dict(name=place.crs.to_string()))
    found = ((value, rings) for value, rings in _strips(read, place.shape) if value != nodata)
    write_list(target, head, 'features', _features(found, place, classes, wgs84))


def _strips(read: Callable[[int, int], np.ndarray], shape: tuple[int, int]) -> Iterator[tuple[int, list[np.ndarray]]]:
    height, width = shape
    rows = max(1, STRIP_PIXELS // width)
    for top in range(0, height, rows):
        for value, rings in regions(read(top, min(top + rows, height))):
            yield value, [ring + np.array([0, top]) for ring in rings]


def _features(
    found: Iterator[tuple[int, list[np.ndarray]]], place: Georeference, classes: Classes, wgs84: bool
) -> Iterator[dict]:
    square_metres = place.square_metres
    named = dict(enumerate(classes.names, start=classes.first))
    for batch in _batches(found):
        geometries = place_polygons([rings for _, rings in batch], place, wgs84)
        for (value, (outline, *holes)), geometry in zip(batch, geometries, strict=True):
            if value not in named:
                raise ValueError(
                    f'{place.file}: the value {value}; those of the classes are {min(named)} to {max(named)}'
                )
            count = area(outline) - sum(map(area, holes))
            properties = {
                'class': named[value],
                'value': value,
                'pixels': count,
                'area': None if square_metres is None else round(count * square_metres, 6),
            }
            yield dict(type='Feature', properties=properties, geometry=geometry)


def _batches(found: Iterator[tuple[int, list[np.ndarray]]]) -> Iterator[list[tuple[int, list[np.ndarray]]]]:
    """Put polygons together until they have ``POINTS``."""
    batch, points = [], 0
    for one in found:
        batch.append(one)
        points += sum(map(len, one[1]))
        if points >= POINTS:
            yield batch
            batch, points = [], 0
    if batch:
        yield batch
