"""What LoadMask is told of its files, as tables: values or colours of names, of labels, of a registered data set."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmengine.config import ConfigDict

from mmseg_vitseg.config.datasets import setting_of
from mmseg_vitseg.datasets.mask_colours import Colour, is_colour, number_of
from mmseg_vitseg.datasets.mask_tables import ColourTable, Table
from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.registry import DATASETS


def value_table(values: Any, void: Any, classes: Sequence[str] | None, merge: Mapping[str, str | None]) -> Table | None:
    """Return the table of LoadMask's arguments; None where any value of 8 bits is its own label."""
    ignored = _several(void, _is_whole)
    if isinstance(values, str):
        names, _ = _data_set(values, 'values')
        first = int(bool(setting_of(ConfigDict(type=DATASETS.get(values)), 'reduce_zero_label')))
        ignored += [*range(first), IGNORED]
        values = {name: first + index for index, name in enumerate(names)}
    if values is None and not ignored and not merge:
        return None
    if not isinstance(values, Mapping):
        values = {value: value for value in (range(256) if values is None else values)}
    table: dict[str | int, list[int]] = {}
    for one, other in values.items():
        name, found = (one, other) if isinstance(one, str) else (other, one)  # of a value its label
        table.setdefault(name, []).extend(_several(found, _is_whole))
    return Table(table, ignored, classes, merge)


def colour_table(colors: Any, void: Any, classes: Sequence[str] | None, merge: Mapping[str, str | None]) -> ColourTable:
    """Return the table of LoadMask's arguments."""
    if isinstance(colors, str):
        names, palette = _data_set(colors, 'colors')
        colors = palette if classes is None else dict(zip(names, palette, strict=True))
    if not isinstance(colors, Mapping):
        colors = dict(enumerate(colors))
    table = {name: [number_of(one) for one in _several(written, is_colour)] for name, written in colors.items()}
    return ColourTable(table, [number_of(one) for one in _several(void, is_colour)], classes, merge, where='colors')


def _data_set(name: str, where: str) -> tuple[list[str], list[Colour]]:
    """Return the classes and the palette of a registered data set."""
    meta = getattr(DATASETS.get(name), 'METAINFO', {})
    names, palette = list(meta.get('classes', ())), list(meta.get('palette', ()))
    if not names or (where == 'colors' and len(names) != len(palette)):
        raise ValueError(
            f'{where}={name!r}: no registered data set of {"classes" if where == "values" else "such colours"}; a step '
            f'does not see the metainfo of its own: write the {"classes" if where == "values" else "palette"} out'
        )
    return names, palette


def _several(written: Any, is_one: Callable[[Any], bool]) -> list:
    """Return what is one, several or None as a list."""
    return [] if written is None else [written] if is_one(written) else list(written)


def _is_whole(value: Any) -> bool:
    return isinstance(value, (int, str))  # a word is none, and is refused as it stands
