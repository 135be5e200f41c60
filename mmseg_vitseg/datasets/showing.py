"""Which bands of a picture are shown, as a config and its reading step say."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from mmengine.config import Config

from mmseg_vitseg.config.heads import segmentor_of
from mmseg_vitseg.datasets.reader import Reader
from mmseg_vitseg.pictures.reading import to_display


def display_of(cfg: Config, reader: Reader) -> Callable[..., np.ndarray]:
    """Return :func:`~mmseg_vitseg.pictures.reading.to_display` for the pictures that a reader gives.

    ``show_bands``, in the config, says which bands are red, green and blue, or which one is grey; without it the first three
    are, or as many as there are. Bands are counted as GDAL does: from 1, in the file's order, also of those that
    ``LoadImage(bands=...)`` picks. Where a step of one's own reads, the order is that of what it gives.

    Raises:
        ValueError: ``show_bands`` is none, or names a band that is not read.
    """
    bands = cfg.get('show_bands')
    if bands is not None:
        return partial(to_display, bgr=reader.decodes, bands=_places(bands, reader))
    preprocessor = segmentor_of(cfg).get('data_preprocessor') or {}
    return partial(to_display, bgr=reader.decodes or bool(preprocessor.get('bgr_to_rgb')))


def _places(bands: Sequence[int], reader: Reader) -> list[int]:
    """Return the numbers, from 1, that bands of a file have among those that are read."""
    sound = isinstance(bands, (list, tuple)) and len(bands) in (1, 3)
    if not sound or not all(type(band) is int and band > 0 for band in bands):
        raise ValueError(
            f'show_bands={bands!r}; allowed: three numbers of bands, from 1, as red, green and blue, or one'
        )
    read = 'all' if reader.rule is None else reader.rule.bands
    if read == 'all':
        return list(bands)
    if missing := set(bands) - set(read):
        raise ValueError(
            f'show_bands={bands!r}: {reader.name} reads the bands {", ".join(map(str, read))}; allowed: three of these, or '
            f'one, not {", ".join(map(str, sorted(missing)))}'
        )
    return [list(read).index(band) + 1 for band in bands]
