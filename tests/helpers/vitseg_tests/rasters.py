"""Files of bands, as a test writes them: with rasterio, so that no writer of ours is believed."""

import warnings
from pathlib import Path

import numpy as np


def write_tiff(
    path: str | Path, array: np.ndarray, mask: np.ndarray | None = None, *, beside: bool = False, **options
) -> str:
    """Write a TIFF of an array (H, W, C) and a mask (H, W), 0 for no data, in it or in a file beside it; return its name."""
    import rasterio

    size = dict(height=array.shape[0], width=array.shape[1], count=array.shape[2], dtype=str(array.dtype))
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', rasterio.errors.NotGeoreferencedWarning)
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=not beside),
            rasterio.open(path, 'w', driver='GTiff', **size, **options) as file,
        ):
            file.write(array.transpose(2, 0, 1))
            if mask is not None:
                file.write_mask(mask)
    return str(path)
