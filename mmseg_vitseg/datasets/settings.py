"""What a config says of its data sets: those inside wrappers, and the classes and colours that the host takes of each."""

import copy
import inspect
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config, ConfigDict
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS


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
    return list(_unwrapped(dataset))


def _unwrapped(dataset: ConfigDict) -> Iterator[ConfigDict]:
    inside = [one for one in (dataset.get('dataset'), *(dataset.get('datasets') or ())) if isinstance(one, dict)]
    if not inside:
        yield dataset
    for one in inside:
        yield from _unwrapped(one)


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
        return getattr(DATASETS.build(dict(copy.deepcopy(dataset), pipeline=[], lazy_init=True)), name)
    except Exception:  # each class has its own
        return inspect.signature(BaseSegDataset).parameters[name].default
