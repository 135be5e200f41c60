"""Textured shapes on textured grounds, drawn on the fly: a data set that needs no file and no network.

Every picture is drawn from (seed, index) in integer arithmetic with numpy's frozen legacy generator, so that its pixels
are the same on every machine. The host reads files; so the pictures have addresses, ``shapes://SIZE/SEED/INDEX.png`` and
``shapes://SIZE/SEED/INDEX_mask.png``, behind a read-only file backend, and the host's own loading, visualisation and
metrics work on them unchanged.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache, wraps

import cv2
import numpy as np
from mmengine.fileio import BaseStorageBackend, register_backend
from mmseg.datasets import BaseSegDataset

from mmseg_vitseg.registry import DATASETS

CLASSES = ('ground', 'disc', 'square', 'triangle')

# (a, b, length) with a a + b b = length length: rotations without irrational numbers
DIRECTIONS = ((1, 0, 1), (3, 4, 5), (4, 3, 5), (5, 12, 13), (12, 5, 13), (8, 15, 17), (15, 8, 17), (20, 21, 29))

ADDRESS = re.compile(r'\w+://(?P<size>\d+)/(?P<seed>\d+)/(?P<index>\d+)((?P<mask>_mask\.png)|\.(?P<suffix>\w+))')

# Pixels of drawn pictures in a process, of each size: 2,048 pictures of 64 x 64. With a mask they take four bytes each.
KEPT = 2**23

Draw = Callable[[int, int, int], tuple[np.ndarray, np.ndarray]]
Surface = Callable[[np.random.RandomState, int, np.ndarray, np.ndarray], np.ndarray]


def keep_drawn(draw: Draw) -> Draw:
    """Have a function keep the last pictures that it drew, :data:`KEPT` pixels of a size, for the epochs to come."""

    @lru_cache
    def of_size(size: int) -> Callable[[int, int], tuple[np.ndarray, np.ndarray]]:
        return lru_cache(maxsize=max(1, KEPT // size**2))(lambda seed, index: draw(seed, index, size))

    @wraps(draw)
    def kept(seed: int, index: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        image, mask = of_size(size)(seed, index)
        return image.copy(), mask.copy()  # which callers may write to

    return kept


@keep_drawn
def draw_shapes(seed: int, index: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw picture ``index`` of ``seed``: image (size, size, 3) BGR uint8 and mask (size, size) uint8 of class indices.

    One to three shapes, a later one in front of an earlier; each class has a texture of its own, in random colours.
    """
    return compose(np.random.RandomState([seed, index]), size, CLASSES, _texture)


def compose(
    rng: np.random.RandomState, size: int, kinds: Sequence[str], surface: Surface
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a picture (size, size, C), one to three shapes on the ground, and its mask (size, size) uint8.

    Args:
        rng: where chance comes from.
        size: height and width in pixels.
        kinds: of each class, one of ``CLASSES``: its outline.
        surface: of (rng, class, columns, rows), these (size, size): the class over the whole picture, (size, size, C).
    """
    y, x = np.mgrid[:size, :size]
    image = surface(rng, 0, x, y)
    mask = np.zeros((size, size), np.uint8)
    for _ in range(rng.randint(1, 4)):
        label = rng.randint(1, len(kinds))
        inside = _outline(rng, kinds[label], x, y, size)
        image[inside] = surface(rng, label, x, y)[inside]
        mask[inside] = label
    return image, mask


def _outline(rng: np.random.RandomState, kind: str, x: np.ndarray, y: np.ndarray, size: int) -> np.ndarray:
    radius = rng.randint(size // 5, size // 3 + 1)
    dx, dy = x - rng.randint(radius, size - radius), y - rng.randint(radius, size - radius)
    if kind == 'disc':
        return dx * dx + dy * dy <= radius * radius
    a, b, length = DIRECTIONS[rng.randint(len(DIRECTIONS))]
    for _ in range(rng.randint(4)):
        a, b = -b, a
    u, v = a * dx + b * dy, a * dy - b * dx  # rotated, and longer by `length`
    if kind == 'square':
        return 5 * np.maximum(abs(u), abs(v)) <= 4 * radius * length  # half side: 4/5 of the radius
    return (v >= -radius * length) & (2 * abs(u) + v <= radius * length)


def pattern(rng: np.random.RandomState, kind: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return how bright each pixel of a kind's texture is, in eighths: (size, size, 1)."""
    period = rng.randint(4, 7)
    if kind == 'ground':
        eighths = (x * rng.randint(3) + y * rng.randint(3)) * 2 // x.shape[0]  # a slow gradient
    elif kind == 'disc':
        eighths = 8 * (((x % period) < 2) & ((y % period) < 2))  # dots
    elif kind == 'square':
        eighths = 8 * ((y % period) < period // 2)  # stripes
    else:
        eighths = 8 * ((x // (period // 2) + y // (period // 2)) % 2)  # a chequerboard
    return eighths[..., None]


def _texture(rng: np.random.RandomState, label: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Two colours mixed by the pattern of the class, and noise: (size, size, 3) uint8."""
    dark = (
        rng.randint(20, 90, 3) if label == 0 else rng.randint(80, 160, 3)
    )  # shapes stand out, if not in every channel
    contrast = rng.randint(40, 86, 3)
    eighths = pattern(rng, CLASSES[label], x, y)
    noise = rng.randint(-8, 9, (*x.shape, 3))
    return np.clip(dark + contrast * eighths // 8 + noise, 0, 255).astype(np.uint8)


@register_backend('shapes', prefixes='shapes', force=True)
class ShapesBackend(BaseStorageBackend):
    """Read-only files ``shapes://SIZE/SEED/INDEX.png`` and ``..._mask.png``, drawn when they are read.

    One of other pictures has ``scheme`` and ``suffix`` of their addresses, and ``draw``.
    """

    scheme, suffix = 'shapes', 'png'
    draw = staticmethod(draw_shapes)

    def get(self, filepath: str) -> bytes:
        """Return the file at an address."""
        match = ADDRESS.fullmatch(str(filepath))
        if match is None or (not match['mask'] and match['suffix'] != self.suffix):
            form = f'{self.scheme}://SIZE/SEED/INDEX.{self.suffix}'
            raise FileNotFoundError(f'{filepath}: not of the form {form} or INDEX_mask.png')
        image, mask = self.draw(int(match['seed']), int(match['index']), int(match['size']))
        return cv2.imencode('.png', mask)[1].tobytes() if match['mask'] else self.encode(image)

    def encode(self, image: np.ndarray) -> bytes:
        """Return a picture's file."""
        return cv2.imencode('.png', image)[1].tobytes()

    def get_text(self, filepath: str, encoding: str = 'utf-8') -> str:
        """Raise: there is no text here."""
        raise ValueError(f'{filepath}: a picture, not a text')


@DATASETS.register_module()
class ShapesDataset(BaseSegDataset):
    """Textured shapes on textured grounds; classes ground, disc, square, triangle.

    One of other pictures has METAINFO and ``backend``.

    Args:
        length: number of pictures.
        size: height and width in pixels.
        seed: pictures of different seeds differ; give training and validation different ones.
        kwargs: the host's BaseSegDataset's.

    Raises:
        ValueError: a length below 1, a size at which shapes would have no room, or a seed that is none.
    """

    METAINFO = dict(classes=CLASSES, palette=[[60, 60, 70], [240, 150, 50], [60, 160, 230], [120, 200, 90]])
    backend = ShapesBackend

    def __init__(self, *, length: int = 512, size: int = 64, seed: int = 0, **kwargs):
        if not isinstance(length, int) or length < 1:
            raise ValueError(
                f'{type(self).__name__}: length={length!r}; a whole number of pictures, at least one, is needed'
            )
        if size < 16:
            raise ValueError(f'{type(self).__name__}: size={size}; shapes need at least 16 pixels')
        if not 0 <= seed < 2**32:
            raise ValueError(f'{type(self).__name__}: seed={seed}; allowed: 0 to {2**32 - 1}')
        self.length, self.size, self.seed = length, size, seed
        super().__init__(**kwargs)

    def load_data_list(self) -> list[dict]:
        """List the addresses of the pictures."""
        folder = f'{self.backend.scheme}://{self.size}/{self.seed}'
        return [
            dict(
                img_path=f'{folder}/{index:06d}.{self.backend.suffix}',
                seg_map_path=f'{folder}/{index:06d}_mask.png',
                label_map=self.label_map,
                reduce_zero_label=self.reduce_zero_label,
                seg_fields=[],
            )
            for index in range(self.length)
        ]
