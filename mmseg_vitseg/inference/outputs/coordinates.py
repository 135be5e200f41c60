"""Polygons of pixels on the earth. N points."""

from collections.abc import Iterator, Sequence

import numpy as np

from mmseg_vitseg.inference.outputs.georeference import Georeference

WGS84 = 'EPSG:4326'
DECIMALS = 8  # of a degree a millimetre
LONGEST = 64  # pixels of an edge: what is straight in one projection is a curve in another


def place_polygons(polygons: Sequence[list[np.ndarray]], place: Georeference, wgs84: bool) -> Iterator[dict]:
    """Yield polygons of pixels as geometries of GeoJSON, outer rings counterclockwise, as RFC 7946 demands.

    Args:
        polygons: their rings, (N, 2) each, x y in pixels.
        place: of the pixels.
        wgs84: longitude and latitude, where long edges get points between, and what lies across the 180th meridian is two;
            else the coordinates of the file.

    Raises:
        ValueError: a point has no longitude and latitude, or a longitude beyond 180 degrees.
    """
    rings = [with_points_between(ring) if wgs84 else ring for polygon in polygons for ring in polygon]
    ends = np.cumsum([len(ring) for ring in rings])
    points = place.points(np.concatenate(rings))
    placed = _longitude_latitude(points, place) if wgs84 else points
    both = zip(np.split(points, ends[:-1]), np.split(placed, ends[:-1]), strict=True)
    for polygon in polygons:
        there, here = zip(*(next(both) for _ in polygon), strict=True)
        if wgs84 and place.crs.is_projected and np.abs(np.diff(here[0][:, 0])).max() > 180:
            yield _cut_at_180(there, place)
        else:
            yield dict(type='Polygon', coordinates=_oriented(here))


def with_points_between(ring: np.ndarray) -> np.ndarray:
    """Divide the edges of a ring (N, 2) that are longer than ``LONGEST`` into equal parts."""
    steps = np.diff(ring, axis=0)
    parts = -(-np.abs(steps).max(axis=1) // LONGEST)
    if parts.max() == 1:
        return ring
    part = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    between = (
        np.repeat(ring[:-1], parts, axis=0)
        + np.repeat(steps, parts, axis=0) * (part / np.repeat(parts, parts))[:, None]
    )
    return np.concatenate([between, ring[-1:]])


def _longitude_latitude(points: np.ndarray, place: Georeference) -> np.ndarray:
    from rasterio.warp import transform

    try:
        placed = np.stack(transform(place.crs, WGS84, *points.T), axis=1)
        sound = bool(np.isfinite(placed).all())
    except Exception:  # GDAL's own
        sound = False
    if not sound:
        raise ValueError(
            f'{place.file}: a part of it has no longitude and latitude, as its projection says; cut it off: gdalwarp -te'
        )
    if np.abs(placed[:, 0]).max() > 180.000001:
        low, high = placed[:, 0].min(), placed[:, 0].max()
        raise ValueError(
            f'{place.file}: longitudes from {low:.1f} to {high:.1f}; GeoJSON has those from -180 to 180: '
            'gdalwarp -t_srs EPSG:4326 -te -180 -90 180 90'
        )
    return placed


def _cut_at_180(rings: Sequence[np.ndarray], place: Georeference) -> dict:
    """Return a polygon of a projection, across the 180th meridian, as one that is cut there."""
    from rasterio.warp import transform_geom

    whole = dict(type='Polygon', coordinates=[ring.tolist() for ring in rings])
    cut = transform_geom(place.crs, WGS84, whole)
    parts = cut['coordinates'] if cut['type'] == 'MultiPolygon' else [cut['coordinates']]
    return dict(type='MultiPolygon', coordinates=[_oriented([np.array(ring) for ring in part]) for part in parts])


def _oriented(rings: Sequence[np.ndarray]) -> list[list[list[float]]]:
    """Return rings as lists, the first counterclockwise, the holes clockwise, and rounded."""
    oriented = []
    for index, ring in enumerate(rings):
        x, y = (ring - ring[0]).T
        counterclockwise = x[:-1] @ y[1:] > x[1:] @ y[:-1]
        oriented.append(np.round(ring if counterclockwise == (index == 0) else ring[::-1], DECIMALS).tolist())
    return oriented
