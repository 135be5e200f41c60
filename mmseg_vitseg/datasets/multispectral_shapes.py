"""Shapes in six bands of 16 bits, drawn as those of shapes.py are: what only infrared can tell apart.

Bands are numbered from 1, as GDAL does: blue, green, red, near infrared, and two of shortwave infrared. A value is a
reflectance in ten-thousandths. Leaves are bright in near infrared; paint has their colour and is dark there.
"""

import io

import numpy as np
from mmengine.fileio import register_backend

from mmseg_vitseg.datasets.shapes import ShapesBackend, ShapesDataset, compose, keep_drawn, pattern
from mmseg_vitseg.registry import DATASETS

CLASSES = ('soil', 'water', 'rock', 'leaves', 'paint')
KINDS = ('ground', 'square', 'triangle', 'disc', 'disc')  # outline and texture of each, as in shapes.py
SPECTRA = np.array(
    [  # of each class in the mean, bands 1 to 6
        [900, 1200, 1600, 2400, 3000, 2600],
        [800, 700, 500, 250, 150, 100],
        [1500, 1600, 1700, 1900, 2000, 1900],
        [500, 900, 600, 4200, 2100, 1100],
        [500, 900, 600, 1000, 1600, 1800],
    ]
)
HIGHEST = 10_000  # all light comes back


@keep_drawn
def draw_multispectral(seed: int, index: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw picture ``index`` of ``seed``: image (size, size, 6) uint16 and mask (size, size) uint8 of class indices."""
    return compose(np.random.RandomState([seed, index]), size, KINDS, surface)


def surface(rng: np.random.RandomState, label: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A class's spectrum in light of its own, its texture and noise: (size, size, 6) uint16.

    Bands 1 to 3 of leaves are, number for number, those that paint has at the same state of ``rng``.
    """
    spectrum = SPECTRA[label] + rng.randint(-200, 201, 6)
    percent = rng.randint(70, 131)
    eighths = pattern(rng, KINDS[label], x, y)
    noise = rng.randint(-150, 151, (*x.shape, 6))
    return np.clip(spectrum * percent * (16 + eighths) // 1600 + noise, 0, HIGHEST).astype(np.uint16)


@register_backend('multispectral', prefixes='multispectral', force=True)
class MultispectralBackend(ShapesBackend):
    """Read-only files ``multispectral://SIZE/SEED/INDEX.npy``, arrays, and ``..._mask.png``."""

    scheme, suffix = 'multispectral', 'npy'
    draw = staticmethod(draw_multispectral)

    def encode(self, image: np.ndarray) -> bytes:
        """Return an array's file."""
        file = io.BytesIO()
        np.save(file, image)
        return file.getvalue()


@DATASETS.register_module()
class MultispectralShapesDataset(ShapesDataset):
    """Shapes in six bands, uint16, (H, W, 6); classes soil, water, rock, leaves, and paint, which looks like leaves.

    Args:
        kwargs: see :class:`~mmseg_vitseg.datasets.shapes.ShapesDataset`.
    """

    METAINFO = dict(
        classes=CLASSES,
        palette=[[150, 110, 70], [60, 120, 220], [150, 150, 160], [70, 180, 60], [230, 60, 160]],
    )
    backend = MultispectralBackend
