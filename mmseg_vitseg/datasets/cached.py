"""A data set whose pictures have gone through a frozen backbone already: tools/cache_features.py computes the features."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmcv.transforms import RandomFlip
from mmengine.config import ConfigDict
from mmengine.dataset import ConcatDataset
from mmengine.structures import PixelData
from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS as HOST_DATASETS
from mmseg.structures import SegDataSample

from mmseg_vitseg.config.changed_settings import first_change, plain
from mmseg_vitseg.config.parts import Part, in_wrappers, type_name
from mmseg_vitseg.datasets.feature_files import FeatureFile, identity
from mmseg_vitseg.registry import DATASETS

PATHS = ('img_path', 'seg_map_path')
PLACES = (
    'data_root',
    'data_prefix',
    'ann_file',
)  # settings that say where files are: the files are compared themselves


@DATASETS.register_module()
class CachedFeatures:
    """What a data set and a frozen backbone make of each picture, read from a disk: ``features`` and ``data_samples``.

    ``model.data_preprocessor=dict(type='mmseg_vitseg.CachedFeaturesPreprocessor', ...)`` takes them, and
    ``custom_hooks=[dict(type='mmseg_vitseg.CachedFeaturesHook')]`` compares them with the model before they are used.

    Where the pipeline has a RandomFlip, all its directions are there, and one is drawn as that step draws it.

    Args:
        dataset: the settings of the data set, or of a ConcatDataset of several.
        folder: where the features are.
        leave_out: types of steps that are taken out of the pipeline.
        lazy_init: leave the lists of files, and comparing them, to :meth:`full_init`.

    Raises:
        FileNotFoundError: there are no features.
        ValueError: they are not whole, or of other pictures or another pipeline; or data sets of other kinds.
    """

    def __init__(self, *, dataset: dict, folder: str, leave_out: Sequence[str] = (), lazy_init: bool = False):
        self.folder = Path(folder)
        self.settings = without_steps(dataset, leave_out)
        self.dataset = HOST_DATASETS.build(copy.deepcopy(self.settings))
        self.flip = flip_of(self.dataset)
        self.directions = directions_of(self.flip)
        self.file: FeatureFile | None = None
        if not lazy_init:
            self.full_init()

    @property
    def metainfo(self) -> dict:
        """The data set's."""
        return self.dataset.metainfo

    def full_init(self) -> None:
        """List the pictures, and compare them and their pipeline with those of the features."""
        if self.file is not None:
            return
        self.dataset.full_init()
        file = FeatureFile(self.folder)
        if found := first_change(recipe(self.settings), file.manifest['dataset'], 'dataset'):
            raise ValueError(f'{self.folder}: features of other data: {found}; {file.again()}')
        if len(self) * len(self.directions) != len(file.records):
            pictures = len(file.records) // len(self.directions)
            raise ValueError(f'{self.folder}: features of {pictures} pictures, not of {len(self)}; {file.again()}')
        for index in range(len(self)):
            self._check_files(file, index)
        self.file = file

    def _check_files(self, file: FeatureFile, index: int) -> None:
        """Compare a picture's files, as they are now, with those that were read."""
        info = self.get_data_info(index)
        now, then = files_of(info), file.records[index * len(self.directions)].files
        for name, one, other in zip(PATHS, now, then, strict=True):
            if one != other:
                raise ValueError(f'{self.folder}: stale: {info.get(name)} {changed(one, other)}; {file.again()}')

    def get_data_info(self, index: int) -> dict:
        """Return what the data set knows of a picture."""
        return self.dataset.get_data_info(index)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict:
        """Return ``features``, one (D, h, w) a level, their ``gaps``, and ``data_samples``, prepared as for the model."""
        self.full_init()
        assert self.file is not None
        direction = self.flip._choose_direction() if self.flip else None
        place = index * len(self.directions) + self.directions.index(direction)
        info = self.get_data_info(index)
        meta = {
            name: tuple(one) if isinstance(one, list) else one for name, one in self.file.records[place].meta.items()
        }
        meta |= {name: info[name] for name in PATHS if name in meta}  # where they are now
        sample = SegDataSample(metainfo=meta)
        if (mask := self.file.mask(place)) is not None:
            sample.gt_sem_seg = PixelData(data=torch.from_numpy(mask).long()[None])
        return dict(features=self.file.levels(place), gaps=self.file.records[place].gaps, data_samples=sample)


def without_steps(dataset: dict, leave_out: Sequence[str]) -> ConfigDict:
    """Return the settings of a data set, and of those inside, without steps of these types.

    Raises:
        ValueError: there is no such step.
    """
    changed = ConfigDict(copy.deepcopy(dataset))
    present = set()
    for part in {id(part.node): part for wrapped in in_wrappers(Part('dataset', changed)) for part in wrapped}.values():
        if 'pipeline' in part.node:
            present |= {type_name(step) for step in part.node['pipeline']}
            part.node['pipeline'] = [step for step in part.node['pipeline'] if type_name(step) not in leave_out]
    if unknown := [name for name in leave_out if name not in present]:
        raise ValueError(f'leave_out: the pipeline has no {", ".join(unknown)}; it has {", ".join(sorted(present))}')
    return changed


def recipe(settings: dict) -> dict:
    """Return what a data set makes of its files, without where these are."""
    kept = {name: value for name, value in plain(settings).items() if name not in PLACES}
    if isinstance(kept.get('datasets'), list):
        kept['datasets'] = [recipe(one) for one in kept['datasets']]
    return kept


def leaves_of(dataset: Any) -> list[BaseSegDataset]:
    """Return a built data set, or those inside of a ConcatDataset.

    Raises:
        ValueError: one of another kind: RepeatDataset, MultiImageMixDataset and the like.
    """
    leaves = dataset.datasets if type(dataset) is ConcatDataset else [dataset]
    for leaf in leaves:
        if not isinstance(leaf, BaseSegDataset):
            raise ValueError(
                f'{type(leaf).__name__}: features are cached of a data set, or of several in a ConcatDataset; take it off'
            )
    return leaves


def flip_of(dataset: Any) -> RandomFlip | None:
    """Return the RandomFlip of a built data set's pipeline; None where there is none.

    Raises:
        ValueError: two of them, or data sets that differ in it.
    """
    found = [[step for step in leaf.pipeline.transforms if isinstance(step, RandomFlip)] for leaf in leaves_of(dataset)]
    if len({repr(steps) for steps in found}) > 1 or len(found[0]) > 1:
        raise ValueError('RandomFlip: features are cached with one in the pipeline, the same in all data sets')
    return found[0][0] if found[0] else None


def directions_of(flip: RandomFlip | None) -> list[str | None]:
    """Return all that a flip may do to a picture; None is to leave it."""
    if flip is None:
        return [None]
    named = [flip.direction] if isinstance(flip.direction, str) else list(flip.direction)
    chance = sum(flip.prob) if isinstance(flip.prob, list) else flip.prob
    return [*([None] if chance < 1 else []), *(named if chance > 0 else [])]


def files_of(info: dict) -> list[list]:
    """Return what tells a picture and its mask from others."""
    return [identity(info.get(name)) for name in PATHS]


def changed(now: Sequence, then: Sequence) -> str:
    """Say in what a file, see :func:`~mmseg_vitseg.datasets.feature_files.identity`, is not what it was."""
    if now[1] is None and then[1] is not None:
        return 'is gone'
    if now[0] != then[0]:
        return f'was {then[0]}'
    what = zip(('bytes', 'time'), now[1:], then[1:], strict=True)
    return f'has changed since ({"; ".join(f"{unit} {new}, was {old}" for unit, new, old in what if new != old)})'
