"""What a config says of its data sets: those inside wrappers, and the classes and colours that the host takes of each."""

import copy
import inspect
from typing import Any

import numpy as np
from mmengine.config import Config, ConfigDict
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_vitseg.config.parts import Part, build_unread, in_wrappers
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.pictures.drawing import distinct_colours


def datasets_in(cfg: Config, loader: str) -> list[ConfigDict]:
    """Return the settings of a loader's data set, or of those inside its wrappers (ConcatDataset, RepeatDataset ...).

    Raises:
        ValueError: there is none, or a list of them, which the host's Runner does not take.
    """
    node = cfg.get(loader)
    dataset = node.get('dataset') if isinstance(node, dict) else node
    if not isinstance(dataset, dict):
        key = f'{loader}.dataset' if isinstance(node, dict) else loader
        found, joined = 'not there', ''
        if isinstance(dataset, (list, tuple)):
            found = f'a list of {len(dataset)}'
            joined = "; several data sets are one dataset=dict(type='ConcatDataset', datasets=[...])"
        raise ValueError(f'{cfg.filename}: {key} is {found}; allowed: {loader} = dict(dataset=dict(...), ...){joined}')
    return [one.node for one, *_ in in_wrappers(Part(f'{loader}.dataset', dataset))]


def metainfo_of(dataset: dict) -> dict:
    """Return what the host's data set says of itself, its ``classes`` and ``palette`` above all; no data need be there.

    That is the class's METAINFO with the config's metainfo, whose ``classes`` may be a file of names; where they are some of
    the class's, or in another order, with the palette of these. Names that the class does not have, which the host refuses
    to read data of, are taken as they are: to predict, classes may be called anything.

    Args:
        dataset: the settings of a data set, no wrapper.

    Raises:
        ValueError: its classes are a file that is not there, or its palette is of another number of classes.
    """
    try:
        meta = dict(build_unread(dataset).metainfo)
    except Exception:  # it wants its files, or does not know lazy_init
        meta = _metainfo_without_files(dataset)
    _check_names(meta)
    return meta


def _metainfo_without_files(dataset: dict) -> dict:
    """Go the host's way to its metainfo, without the constructor of a data set that insists on its files.

    Raises:
        ValueError: as above.
    """
    cls = DATASETS.get(dataset['type']) if isinstance(dataset['type'], str) else dataset['type']
    own, given = getattr(cls, 'METAINFO', {}), dataset.get('metainfo') or {}
    if not (isinstance(cls, type) and issubclass(cls, BaseSegDataset)):
        return {**own, **given}
    empty: Any = object.__new__(cls)
    meta = empty._metainfo = empty._load_metainfo(copy.deepcopy(given))
    _check_names(meta)
    names = meta.get('classes') or ()
    known = set(names) <= set(own.get('classes') or names)
    empty.label_map = empty.get_label_map(names or None) if known else None
    if not known and 'palette' not in given and len(names) != len(meta.get('palette', ())):
        meta['palette'] = []  # the class's is of other classes
    try:
        meta['palette'] = empty._update_palette()
    except ValueError as error:
        raise ValueError(
            f'{len(names)} classes and a palette of {len(meta["palette"])}; allowed: one colour a class'
        ) from error
    return meta


def _check_names(meta: dict) -> None:
    if isinstance(meta.get('classes'), str):  # which the host would take for a list of letters
        raise ValueError(f'metainfo.classes={meta["classes"]!r}: no such file; give a file of names, or a list of them')


def has_own_palette(meta: dict) -> bool:
    """Tell whether somebody chose a data set's colours; the host draws them at random, always the same, where nobody did."""
    drawn: Any = object.__new__(BaseSegDataset)
    drawn._metainfo = dict(classes=meta['classes'])
    return bool(meta.get('palette')) and list(map(list, meta['palette'])) != drawn._update_palette()


def setting_of(dataset: ConfigDict, name: str) -> Any:
    """Return an argument of the host's BaseSegDataset as a data set has it: of its settings, or of its class.

    A class that passes it on by itself is asked, without its files; where it asks for those, the host's default is taken.
    """
    if name in dataset:
        return dataset[name]
    kind = DATASETS.get(dataset.type) if isinstance(dataset.type, str) else dataset.type
    parameters = inspect.signature(kind).parameters
    if name in parameters:
        return parameters[name].default
    try:
        return getattr(build_unread(dataset), name)
    except Exception:  # each class has its own
        return inspect.signature(BaseSegDataset).parameters[name].default


def dataset_of(cfg: Config) -> ConfigDict:
    """Return the settings of the test data set, or of the first one inside wrappers.

    Raises:
        ValueError: there is none, or a list of them, or it has no pipeline.
    """
    dataset = datasets_in(cfg, 'test_dataloader')[0]
    if 'pipeline' not in dataset:
        raise ValueError(
            f'{cfg.filename}: test_dataloader.dataset has no pipeline, which says how pictures are prepared'
        )
    return dataset


def first_value(cfg: Config) -> int:
    """Return the number of the first class in the data set's masks: 1 with ``reduce_zero_label``, else 0.

    Where ``metainfo.classes`` picks some of the data set's classes, these are numbered anew, in its order.
    """
    return int(bool(setting_of(dataset_of(cfg), 'reduce_zero_label')))


def classes_of(cfg: Config) -> tuple[list[str], np.ndarray]:
    """Return the names of the data set's classes, and their colours (K, 3), uint8, RGB.

    Raises:
        ValueError: the data set names no classes, or its palette is none for them.
    """
    dataset = dataset_of(cfg)
    try:
        meta = metainfo_of(dataset)
    except ValueError as error:
        raise ValueError(f'{cfg.filename}: test_dataloader: {dataset.type}: {first_line(error)}') from error
    if not meta.get('classes'):
        raise ValueError(
            f'{cfg.filename}: {dataset.type} names no classes; give test_dataloader.dataset.metainfo.classes'
        )
    names = list(meta['classes'])
    colours = meta['palette'] if has_own_palette(meta) else distinct_colours(len(names))
    palette = np.array(colours) if len(colours) == len(names) and {len(one) for one in colours} == {3} else None
    if palette is None or not ((palette >= 0) & (palette <= 255)).all():
        raise ValueError(
            f'{cfg.filename}: {len(names)} classes and a palette of {len(colours)}; allowed: one colour a class, each '
            'three numbers from 0 to 255'
        )
    return names, palette.astype(np.uint8)
