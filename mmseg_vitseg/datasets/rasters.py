"""Files of any bands, of which windows can be read: TIFF, GeoTIFF and whatever else GDAL reads. H W size, C bands.

They are read by rasterio, which the extra [geo] brings.
"""

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine import fileio
from mmengine.fileio import LocalBackend

from mmseg_vitseg.datasets.bands import BandRule, BandsError, is_value
from mmseg_vitseg.errors import first_line, listed

NO_RASTERIO = "it is read by rasterio, which is not installed: pip install rasterio, or this package's extra, '.[geo]'"


class FileError(ValueError):
    """What is wrong with a file; the message names it."""


class Raster:
    """An open file of bands; of several pages, each of one band, the pages are its bands.

    Args:
        pages: the file's, open, of rasterio; of most there is one.

    Raises:
        BandsError: pages that are not the bands of one picture.
    """

    def __init__(self, pages: Sequence[Any]):
        self.pages = pages
        self.dataset = pages[0]  # whose georeference is the file's
        self.height, self.width = self.dataset.shape
        self.count: int = self.dataset.count if len(pages) == 1 else len(pages)
        self.dtype: str = self.dataset.dtypes[0]
        kinds = [f'{page.count} x {page.height} x {page.width} {page.dtypes[0]}' for page in pages]
        if len(pages) > 1 and (len(set(kinds)) > 1 or self.dataset.count > 1):
            raise BandsError(
                f'{len(pages)} pages, {listed(kinds, 3)} (bands x height x width); pages are taken for bands where each is '
                'one band and all are of one size: save the picture by itself'
            )

    def read(self, rule: BandRule, window: Any = None) -> tuple[np.ndarray, np.ndarray | None]:
        """Read a picture, or a window of it.

        Args:
            rule: which bands, and what becomes of them.
            window: rasterio's; None for all.

        Returns:
            The picture, (H, W, C), and where no band has data, (H, W) bool; None: nowhere.
        """
        if self.dataset.colorinterp[0].name == 'palette':
            raise BandsError(
                "its band is the indices of a palette's colours; save it as RGB, or read it without bands="
            )
        numbers = rule.numbers(self.count)
        if self.dtype.startswith('complex'):
            raise BandsError(f'values of {self.dtype}; pictures are real numbers: save the magnitude, say')
        values = self._values(numbers, window)
        return rule(values, self._missing(values, numbers, window) if rule.nodata == 'file' else None)

    def _values(self, numbers: list[int], window: Any) -> np.ndarray:
        height, width = (self.height, self.width) if window is None else (int(window.height), int(window.width))
        values = np.empty((height, width, len(numbers)), self.dtype)
        if len(self.pages) == 1:
            self.dataset.read(numbers, window=window, out=values.transpose(2, 0, 1))
        else:
            for index, number in enumerate(numbers):
                self.pages[number - 1].read(1, window=window, out=values[..., index])
        return values

    def _missing(self, values: np.ndarray, numbers: list[int], window: Any) -> np.ndarray | None:
        """Return which values are no data as the file says, (H, W, C) or (H, W, 1); None where it does not say."""
        if len(self.pages) > 1:
            return _of_tags(values, [self.pages[number - 1].nodata for number in numbers])
        flags = {flag.name for number in numbers for flag in self.dataset.mask_flag_enums[number - 1]}
        alpha = [number for number, kind in enumerate(self.dataset.colorinterp, 1) if kind.name == 'alpha']
        if 'per_dataset' in flags and 'alpha' not in flags:
            return self.dataset.read_masks(numbers[:1], window=window).transpose(1, 2, 0) == 0
        if alpha and not set(alpha) & set(numbers):
            return self.dataset.read(alpha[:1], window=window).transpose(1, 2, 0) == 0
        return _of_tags(values, [self.dataset.nodatavals[number - 1] for number in numbers])


def _of_tags(values: np.ndarray, tags: list[float | None]) -> np.ndarray | None:
    if set(tags) == {None}:
        return None
    if len(set(tags)) == 1:
        return is_value(values, float(tags[0] or 0))
    none = np.zeros(values.shape[:2], bool)
    return np.stack([none if tag is None else is_value(values[..., i], tag) for i, tag in enumerate(tags)], axis=2)


@contextlib.contextmanager
def open_raster(path: str | Path, *, backend_args: dict | None = None) -> Iterator[Raster]:
    """Open a file of bands; a local one is not read before its windows are, any other is read whole.

    Args:
        path: the file's, or an address of one of mmengine's file backends.
        backend_args: mmengine's.

    Raises:
        FileNotFoundError: there is no such file.
        FileError: it is damaged, of no known format, or no picture, also while it is open; or rasterio is missing.
    """
    try:
        import rasterio
        from rasterio.errors import RasterioError
    except ImportError as error:
        raise FileError(f'{path}: {NO_RASTERIO}') from error
    try:
        with contextlib.ExitStack() as stack:
            if isinstance(fileio.get_file_backend(path, backend_args=backend_args), LocalBackend):
                if not Path(path).is_file():
                    raise FileNotFoundError(f'{path}: no such file')
                name = str(path)
            else:
                content = fileio.get(path, backend_args=backend_args)
                name = stack.enter_context(rasterio.MemoryFile(content, ext=Path(path).suffix)).name
            # a folder of many files is not listed for each of them; masks beside a file are found all the same
            stack.enter_context(rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN='TRUE'))
            first = stack.enter_context(opened(name))
            pages = [stack.enter_context(opened(page)) for page in first.subdatasets if page.startswith('GTIFF_DIR')]
            yield Raster(pages or [first])
    except BandsError as error:
        raise FileError(f'{path}: {error}') from error
    except RasterioError as error:
        why = first_line(error.__cause__ or error)  # GDAL's own, which rasterio's refers to
        raise FileError(f'{path}: not an image, or damaged ({why}); fetch it again, or leave it out') from error


def opened(name: str | Path, mode: str = 'r', **profile: Any) -> Any:
    """Open a file with rasterio, which else warns of each that has no georeference.

    The warning is silenced for good: ``warnings.catch_warnings`` would let those of other threads through, or keep them.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    warnings.simplefilter('ignore', NotGeoreferencedWarning)
    return rasterio.open(name, mode, **profile)
