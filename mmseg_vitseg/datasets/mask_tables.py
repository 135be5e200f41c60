"""Tables of what stands in the files of masks, values or colours, and of the label of each. H W size in pixels."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from mmseg_vitseg.datasets.mask_colours import TRANSPARENT, are_mixtures, colour_of, nearest
from mmseg_vitseg.datasets.mask_names import labels_by_name
from mmseg_vitseg.errors import listed
from mmseg_vitseg.labels import IGNORED

LISTED = 3  # colours named before the rest is only counted
FEW = 30  # values that a message lists one by one

Names = Mapping[str | int, Any]


class Table:
    """What may stand in a file, each with its label.

    Args:
        names: name or label -> what stands for it, one or several.
        void: what stands for pixels without a class.
        classes, merge: see :func:`~mmseg_vitseg.datasets.mask_names.labels_by_name`; of names alone.
        where: the argument that says it, for messages.

    Raises:
        ValueError: of names, see there; a label that is no class, or above 255; something that stands for two labels.
    """

    def __init__(
        self,
        names: Names,
        void: Iterable[int] = (),
        classes: Sequence[str] | None = None,
        merge: Mapping[str, str | None] = {},
        *,
        where: str = 'values',
    ):
        words = [name for name in names if isinstance(name, str)]
        allowed = range(256 if classes is None else len(classes))
        labels = labels_by_name(words, classes, merge, where) if words or merge else {}
        found: dict[int, tuple[str, int]] = {}  # what stands in a file -> name and label
        for name, keys in names.items():
            for key in keys:
                one = str(name), labels[name] if isinstance(name, str) else name
                if found.setdefault(key, one)[1] != one[1]:
                    raise ValueError(f'{where}: {self.write(key)} is {found[key][0]} and {name}; it can be one alone')
        if not found:
            raise ValueError(f'{where} is empty; give what stands in the masks')
        found.update(dict.fromkeys(void, ('void', IGNORED)))
        for key, (name, label) in found.items():
            if not isinstance(key, int):
                raise ValueError(f'{where} has {key!r} for {name!r}; allowed: whole numbers')
            if label not in allowed and label != IGNORED:
                raise ValueError(f'{where} has the label {label!r}; allowed: names, 0 to {allowed[-1]}, and {IGNORED}')
        self.keys = np.array(sorted(found), np.int64)
        self.names = [found[key][0] for key in self.keys.tolist()]
        # of each place, and of what is nowhere
        self.labels = np.array([IGNORED, *(found[key][1] for key in self.keys.tolist())], np.uint8)

    @staticmethod
    def write(key: int) -> str:
        """Write a key as a config has it."""
        return str(key)

    @property
    def wide(self) -> bool:
        """More than the values of 8 bits."""
        return bool(self.keys[0] < 0 or self.keys[-1] > 255)

    @cached_property
    def _places(self) -> np.ndarray:
        """The place of each number up to the last key, and of one more, which is none; of zeros, memory is not taken."""
        places = np.zeros(self.keys[-1] + 2, np.uint8 if len(self.keys) < 256 else np.uint16)
        places[self.keys] = np.arange(1, len(self.keys) + 1)
        return places

    @cached_property
    def _places_of_bytes(self) -> np.ndarray:
        return self._find(np.arange(256))

    def places(self, values: np.ndarray) -> np.ndarray:
        """Return where in the table values (H, W) stand, counted from 1; 0: nowhere."""
        return look_up(self._places_of_bytes, values) if values.dtype == np.uint8 else self._find(values)

    def _find(self, values: np.ndarray) -> np.ndarray:
        if self.keys[0] >= 0 and self.keys[-1] <= TRANSPARENT:
            places = self._places.take(values, mode='clip')
            if values.dtype.kind == 'i':
                places[values < 0] = 0
            return places
        index = np.searchsorted(self.keys, values).clip(max=len(self.keys) - 1)
        return np.where(self.keys[index] == values, index + 1, 0)

    def refusal(self, values: np.ndarray, unknown: np.ndarray) -> str:
        """Say what stands in a mask (H, W) and not in the table, where ``unknown`` (H, W) is true; and what to do."""
        found = np.unique(values[unknown])
        allowed = [*map(self.write, self.keys.tolist())]
        return (
            f'the mask has the value {listed(map(str, found), FEW)}; allowed: {listed(allowed, FEW)}. Fetch the file again, '
            'or convert your masks to these values'
        )


def look_up(table: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return ``table[places]``, of the same shape as places; of bytes by OpenCV, in half the time."""
    if places.dtype != np.uint8 or table.dtype not in (np.uint8, np.uint16):
        return table.take(places)
    whole = np.resize(table, 256)  # what comes after the table's end is not looked up
    return cv2.LUT(places.reshape(1, -1), whole).reshape(places.shape)


class ColourTable(Table):
    """The same of colours, by their numbers."""

    @staticmethod
    def write(key: int) -> str:
        """Write a key as a config has it."""
        return str(colour_of(key))

    def refusal(self, values: np.ndarray, unknown: np.ndarray) -> str:
        """Say which colours are in a mask and not in the table, where, what they are like, and what to do."""
        found, first, counts = np.unique(values[unknown], return_index=True, return_counts=True)
        order = np.argsort(-counts, kind='stable')
        y, x = np.nonzero(unknown)
        said = [f'{self.write(found[i])} in {counts[i]}, first at x {x[first[i]]}, y {y[first[i]]}' for i in order]
        close = nearest(found[order[0]], self.keys)
        name = self.names[int(np.searchsorted(self.keys, close))]
        what = (
            f'{unknown.sum()} pixels have colours that are not in colors: {listed(said, LISTED, "; ")}; the first is '
            f'nearest to {self.write(close)} of {name!r}'
        )
        if are_mixtures(found[order], self.keys):
            return (
                f'{what}. Most lie between two colours of the table: are edges anti-aliased? Save masks without smoothing '
                'and as PNG, and resize them with nearest neighbours'
            )
        return f'{what}. Add them to colors, or to void if they are of no class'
