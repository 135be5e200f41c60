"""Regions of a label map as polygons along the edges of pixels. H W size in pixels, N points.

A region is pixels of one class that touch by their edges. A ring is (N, 2), int64: x and y of its corners, in pixels from
the map's upper left corner, the last the same as the first. A polygon is its outer ring and those of its holes. They are
traced by GDAL (rasterio); those of a map have no gap and no overlap.
"""

from collections.abc import Iterator

import numpy as np

NO_DATA = 65535  # in a label map: of no class


def regions(labels: np.ndarray, mask: np.ndarray | None = None) -> Iterator[tuple[int, list[np.ndarray]]]:
    """Yield each region's label and its polygon: the outer ring, then those of its holes.

    Args:
        labels: (H, W), whole numbers from 0 to 65535.
        mask: (H, W), bool; what is False is of no region.
    """
    from rasterio.features import shapes

    for polygon, label in shapes(np.ascontiguousarray(labels, np.uint16), mask):
        yield int(label), [np.array(ring, np.int64) for ring in polygon['coordinates']]


def simple_regions(labels: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each region's label and outer ring; one with holes is cut into several that have none.

    It is cut along rows, at the upper end of each hole. No piece has a hole then: that would be a hole of the region, which
    lies in one strip as the piece does, but begins where two strips meet.

    Args:
        labels: (H, W), whole numbers from 0 to 65535.
    """
    for label, (outline, *holes) in regions(labels):
        if holes:
            yield from ((label, ring) for ring in _cut(outline, holes))
        else:
            yield label, outline


def _cut(outline: np.ndarray, holes: list[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the rings of the pieces."""
    from rasterio.features import rasterize

    corner = outline.min(axis=0)
    width, height = outline.max(axis=0) - corner
    polygon = dict(type='Polygon', coordinates=[(ring - corner).tolist() for ring in (outline, *holes)])
    inside = rasterize([polygon], out_shape=(height, width), dtype=np.uint8).astype(bool)
    tops = np.unique([ring[:, 1].min() for ring in holes]) - corner[1]
    strips = np.searchsorted(tops, np.arange(height), side='right')
    for _, (ring,) in regions(np.broadcast_to(strips[:, None], inside.shape), inside):
        yield ring + corner


def area(ring: np.ndarray) -> int:
    """Return how many pixels a ring encloses."""
    x, y = (ring - ring[0]).T
    return abs(int(x[:-1] @ y[1:] - x[1:] @ y[:-1])) // 2
