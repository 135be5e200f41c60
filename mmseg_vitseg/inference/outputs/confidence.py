"""How sure a model is of its predictions: pictures, and columns of the tables of areas. H W size in pixels, K classes."""

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.inference.outputs.predicted import Output, Predicted
from mmseg_vitseg.pictures.drawing import shares

SURE = 0.5  # from here on a class is more likely than all others together
COLUMNS = ('mean_confidence', 'confident_pixels')  # of tables of areas


class ConfidenceMaps(Output):
    """Writes ``NAME_confidence.png``, 16 bits, as :func:`in_16_bits` has it.

    Args:
        folder: that is there.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def write(self, predicted: Predicted) -> None:
        """Write the picture's map, 0 where it has no data."""
        name = predicted.name
        assert predicted.confidence is not None, 'not asked for'
        certain = in_16_bits(predicted.confidence)
        if predicted.nodata is not None:
            certain[predicted.nodata] = 0
        with whole(self.folder / name.with_name(f'{name.name}_confidence.png')) as temporary:
            Image.fromarray(certain).save(temporary, format='PNG', compress_type=zlib.Z_RLE)


def in_16_bits(confidence: np.ndarray) -> np.ndarray:
    """Return a confidence from 0 to 1 as uint16: 65535 is 1, to the nearest."""
    return np.round(confidence * 65535).astype(np.uint16)


def class_sums(labels: np.ndarray, confidence: np.ndarray | None, count: int) -> np.ndarray:
    """Return of each class how many pixels it has, how many of them are sure, and the sum of their confidence.

    Args:
        labels: of any shape, integers.
        confidence: of as many pixels, from 0 to 1; None where it is not asked for.
        count: K.

    Returns:
        (3, K), float64; those of parts of a picture, or of the frames of a video, add up. Without confidence the last two
        are 0.
    """
    labels = labels.ravel()
    sums = np.zeros((3, count))
    sums[0] = np.bincount(labels, minlength=count)
    if confidence is not None:
        certain = confidence.ravel()
        sums[1:] = np.bincount(labels, certain >= SURE, count), np.bincount(labels, certain, count)
    return sums


def areas_of(sums: np.ndarray, names: Sequence[str], *, confidence: bool) -> list[dict]:
    """Return a table of areas, the rows of :func:`~mmseg_vitseg.pictures.drawing.shares`.

    With ``confidence`` also a class's ``mean_confidence``, over its pixels, and ``confident_pixels``, how many of them are
    sure, at least ``SURE``.
    """
    rows = shares(sums[0].astype(np.int64), list(names))
    for row in rows if confidence else ():
        pixels, sure, certain = sums[:, names.index(row['class'])]
        row |= dict(zip(COLUMNS, (certain / pixels, int(sure)), strict=True))
    return rows
