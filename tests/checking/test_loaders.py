"""Data sets that cannot be one, and pictures that cannot be one batch."""

import copy
from pathlib import Path

import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_vitseg.checking.joined_datasets import unjoinable_datasets
from mmseg_vitseg.checking.training_setup import Setup
from mmseg_vitseg.checking.uneven_batches import uneven_batches
from vitseg_tests.own_data import dataset_in
from vitseg_tests.paths import config_path

QUICKSTART = Config.fromfile(config_path('quickstart'))
LOAD = [dict(type='mmseg_vitseg.LoadImage'), dict(type='mmseg_vitseg.LoadMask')]
PACK = dict(type='PackSegInputs')


def files(root: Path, *sizes: tuple[int, int], steps: tuple = (), **settings) -> dict:
    """Write pictures and masks of the sizes (W, H), and return a data set of them."""
    for folder, shape in (('images', (3,)), ('masks', ())):
        (root / folder).mkdir(parents=True)
        for index, (width, height) in enumerate(sizes):
            Image.fromarray(np.zeros((height, width, *shape), np.uint8)).save(root / folder / f'{index}.png')
    classes, pipeline = dict(classes=['a', 'b']), [*LOAD, *steps, PACK]
    own = dict(img_suffix='.png', seg_map_suffix='.png', metainfo=classes, pipeline=pipeline)
    return dataset_in(root, **own, **settings)


def config(**datasets: dict | list[dict]) -> Config:
    cfg = copy.deepcopy(QUICKSTART)
    for name, dataset in datasets.items():
        joined = dict(type='ConcatDataset', datasets=dataset) if isinstance(dataset, list) else dataset
        cfg[f'{name}_dataloader'] = dict(batch_size=2, num_workers=0, dataset=joined)
    return cfg


SAME, OTHERS = [(40, 30)] * 3, [(40, 30), (30, 40), (50, 50)]
CROP = dict(type='RandomCrop', crop_size=(32, 32))
VARIED = dict(type='RandomResize', scale=(40, 30), ratio_range=(0.5, 2))


@pytest.mark.parametrize(
    ('loader', 'sizes', 'steps', 'changes', 'key'),
    [
        ('val', SAME, (), {}, None),
        ('val', OTHERS, (), {}, 'val_dataloader.batch_size'),
        ('val', [(40, 30)] * 2 + [(40, 31)] + [(40, 30)] * 3, (), {}, 'val_dataloader.batch_size'),
        ('test', OTHERS, (), {}, 'test_dataloader.batch_size'),
        ('val', OTHERS, (), {'val_dataloader.batch_size': 1}, None),
        ('val', OTHERS, (dict(type='Resize', scale=(32, 32)),), {}, None),
        ('val', OTHERS, (dict(type='Resize', scale=(32, 32), keep_ratio=True),), {}, 'val_dataloader.batch_size'),
        ('val', OTHERS, (dict(type='Pad', size=(64, 64)),), {}, None),
        ('train', OTHERS, (), {}, None),  # padded to the largest of a batch
        ('train', OTHERS, (), {'size': (32, 32)}, 'train_dataloader.batch_size'),
        ('train', OTHERS, (), {'size': (64, 64)}, None),
        ('train', OTHERS, (CROP,), {'size': (32, 32)}, None),
        ('train', SAME, (VARIED,), {'size': (8, 8)}, 'train_dataloader.batch_size'),
    ],
)
def test_pictures_of_different_sizes(tmp_path, loader, sizes, steps, changes, key):
    cfg = config(**{loader: files(tmp_path / 'data', *sizes, steps=steps)})
    if size := changes.pop('size', None):
        cfg.model.data_preprocessor.update(size=size, size_divisor=None)
    cfg.merge_from_dict(changes)
    found = list(uneven_batches(Setup(cfg)))
    assert [finding.key for finding in found] == ([key] if key else [])
    for finding in found:
        assert finding.severity == ('warning' if loader == 'test' else 'error')
        assert '.png' in finding.what
        assert ('batch_size=1' in finding.fix) == (loader != 'train')


def test_data_sets_of_different_sizes_in_one(tmp_path):
    both = [files(tmp_path / 'one', *SAME), files(tmp_path / 'other', *[(20, 20)] * 3)]
    (finding,) = uneven_batches(Setup(config(val=both)))
    assert '30 x 40' in finding.what
    assert '20 x 20' in finding.what


def test_drawn_and_missing_and_damaged_pictures_are_left_to_others(tmp_path):
    missing = dict(files(tmp_path / 'data', *OTHERS), data_root=str(tmp_path / 'nowhere'))
    damaged = files(tmp_path / 'damaged', *OTHERS)
    (tmp_path / 'damaged/images/1.png').write_bytes(b'')
    assert not list(uneven_batches(Setup(config(val=missing, test=damaged))))


def test_a_step_of_ones_own_is_not_run_before_the_training(tmp_path):
    """It may do anything, end the process say."""

    @TRANSFORMS.register_module(force=True)
    class EndsTheProcess(BaseTransform):
        def transform(self, results):
            raise SystemExit

    data = files(tmp_path / 'a', *OTHERS, steps=(dict(type='EndsTheProcess'),))
    assert not list(uneven_batches(Setup(config(val=data))))


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        (dict(metainfo=dict(classes=['a', 'c'])), ['classes a, c; those of', 'are a, b', 'one metainfo.classes']),
        (
            dict(metainfo=dict(classes=['a', 'b'], palette=[[0, 0, 0], [9, 9, 9]])),
            ['palette: others', 'train_dataloader.dataset.ignore_keys="[\'palette\']"'],
        ),
        (dict(reduce_zero_label=True), ['reduce_zero_label: others']),
        (
            dict(metainfo=dict(classes=('a', 'b'))),
            ['classes: others, or of another type', 'ignore_keys="[\'classes\']"'],
        ),
        (dict(), []),
    ],
)
@pytest.mark.parametrize('wrapped', [False, True])
def test_data_sets_joined_to_one(tmp_path, changes, words, wrapped):
    one, other = files(tmp_path / 'one', *SAME), {**files(tmp_path / 'other', *SAME), **changes}
    cfg = config(train=[one, dict(type='RepeatDataset', times=2, dataset=other) if wrapped else other])
    cfg.same_classes = False  # or differing_classes says of the classes what it has to
    found = list(unjoinable_datasets(Setup(cfg)))
    assert len(found) == bool(words)
    for word in words:
        assert word in str(found[0])
    if words and words[0].startswith('classes a'):
        cfg.same_classes = True
        assert not list(unjoinable_datasets(Setup(cfg)))
    if words and words[0].startswith('palette'):
        cfg.train_dataloader.dataset.ignore_keys = ['palette']
        assert not list(unjoinable_datasets(Setup(cfg)))
