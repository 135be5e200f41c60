"""Features that are not those of the pictures, the pipeline or the model at hand are never used."""

import json
import os
import shutil

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import DATASETS

from vitseg_tests.user_errors import raises_with


@pytest.fixture
def cached(probe, call):
    """The working folder, with features computed."""
    result = call('cache_features probe.py --out features')
    assert result.status == 0, result.err
    return probe


def build():
    return DATASETS.build(Config.fromfile('features/probe_cached.py').train_dataloader.dataset)


def edit(old: str, new: str) -> None:
    with open('probe.py') as file:
        text = file.read()
    assert old in text
    with open('probe.py', 'w') as file:
        file.write(text.replace(old, new))


def rewrite(path, change) -> None:
    path.write_bytes(change(path.read_bytes()))


OF_DATA = {
    'picture': (
        lambda work: os.utime(work / 'data/images/3.png', (1, 1)),
        ['stale', 'data/images/3.png has changed since (time 1000000000, was'],
    ),
    'mask': (
        lambda work: rewrite(work / 'data/masks/5.png', lambda content: content + b' '),
        ['stale', 'data/masks/5.png has changed since (bytes '],
    ),
    'gone': (lambda work: (work / 'data/masks/0.png').unlink(), ['stale', 'data/masks/0.png is gone']),
    'renamed': (
        lambda work: [
            (work / f'data/{place}/2.png').rename(work / f'data/{place}/20.png') for place in ('images', 'masks')
        ],
        ['stale', 'data/images/20.png was 2.png'],
    ),
    'more': (
        lambda work: shutil.copy(work / 'data/images/1.png', work / 'data/images/9.png'),
        ['features of 6 pictures, not of 7'],
    ),
    'size': (
        lambda work: edit('scale=(48, 32)', 'scale=(32, 32)'),
        ['other data: dataset.pipeline.2.scale.0 is 32, and was 48'],
    ),
    'steps': (
        lambda work: edit('resize, flip, dict', 'resize, dict'),
        [
            'other data: dataset.pipeline is mmseg_vitseg.LoadImage, mmseg_vitseg.LoadMask, Resize, PackSegInputs, and was'
        ],
    ),
    'cut off': (
        lambda work: rewrite(work / 'features/train/features.bin', lambda content: content[:-1]),
        ['features/train/features.bin: damaged, '],
    ),
    'labels cut off': (
        lambda work: rewrite(work / 'features/train/labels.bin', lambda content: content[:100]),
        ['features/train/labels.bin: damaged, 100 bytes instead of '],
    ),
    'index cut off': (
        lambda work: rewrite(work / 'features/train/index.jsonl', lambda content: content[:-5]),
        ['has 11 of 12 pictures', 'computes the others'],
    ),
    'index': (
        lambda work: rewrite(work / 'features/train/index.jsonl', lambda content: b'{"a": 1}\n' + content),
        ['index.jsonl: damaged', 'compute the features again'],
    ),
    'index that is no text': (
        lambda work: rewrite(work / 'features/train/index.jsonl', lambda content: b'\x80\n' + content),
        ['index.jsonl: damaged', 'compute the features again'],
    ),
    'manifest of something else': (
        lambda work: rewrite(work / 'features/train/manifest.json', lambda content: b'{"format": 1}'),
        ['manifest.json: damaged', 'not with all of command, count, dataset, '],
    ),
    'manifest': (
        lambda work: rewrite(work / 'features/train/manifest.json', lambda content: content[:50]),
        ['manifest.json: damaged', 'compute the features again'],
    ),
}


@pytest.mark.parametrize(('change', 'words'), OF_DATA.values(), ids=OF_DATA)
def test_other_data(cached, change, words):
    assert len(build()) == 6
    change(cached)
    with raises_with(ValueError, *words):
        build()


def test_nothing_there(cached):
    (cached / 'features/train/manifest.json').unlink()
    with raises_with(FileNotFoundError, 'holds no features', 'tools/cache_features.py CONFIG computes them'):
        build()


def test_a_folder_of_data_may_move(cached):
    (cached / 'data').rename(cached / 'moved')
    edit("data_root='data'", "data_root='moved'")
    assert build()[0]['data_samples'].img_path == 'moved/images/0.png'


def other_weights() -> None:
    weights = torch.load('weights.pth')
    name = next(name for name in weights if name.startswith('backbone.'))
    weights[name].view(-1)[0] += 1e-6
    torch.save(weights, 'weights.pth')


OF_MODEL = {
    'weights': (other_weights, ['features of other weights', 'SHA-256']),
    'backbone': (
        lambda: edit("'num_heads': 2", "'num_heads': 4"),
        ['features of another model: model.backbone.num_heads is 4, and was 2'],
    ),
    'normalisation': (
        lambda: edit('mean=[123.7', 'mean=[123'),
        ['model.data_preprocessor.mean.0 is 123, and was 123.7'],
    ),
    'no comparison': (
        lambda: edit('', ''),
        ['nobody has compared', 'CachedFeaturesHook'],
    ),
}


@pytest.mark.parametrize('name', OF_MODEL)
def test_another_model(cached, call, name):
    change, words = OF_MODEL[name]
    change()
    options = '--cfg-options custom_hooks=None' if name == 'no comparison' else ''
    status, _, err = call(f'train features/probe_cached.py --work-dir out {options}')
    (line,) = err.splitlines()
    assert status == 2
    for word in [
        *words,
        *([] if options else ['tools/cache_features.py probe.py --out features --overwrite computes']),
    ]:
        assert word in line
    assert not list(cached.glob('out/*.pth'))
    if name != 'no comparison':
        assert call('cache_features probe.py --out features').status == 2
        assert call('cache_features probe.py --out features --overwrite').status == 0
        assert call('train features/probe_cached.py --work-dir out --cfg-options train_cfg.max_epochs=1').status == 0


def test_wrapped_features_are_compared_too(cached, call):
    """Those in a RepeatDataset, with others beside them that are the model's."""
    manifest = cached / 'features/train/manifest.json'
    weights = json.loads(manifest.read_text())['weights']
    rewrite(manifest, lambda content: content.replace(weights.encode(), b'0' * 64))
    wrapped = """
_base_ = 'features/probe_cached.py'
train_dataloader = dict(
    dataset=dict(_delete_=True, type='RepeatDataset', times=2, dataset=_base_.train_dataloader.dataset)
)
"""
    (cached / 'wrapped.py').write_text(wrapped)
    result = call('train wrapped.py --work-dir out')
    assert result.status == 2
    assert 'features of other weights' in result.err
    rewrite(manifest, lambda content: content.replace(b'0' * 64, weights.encode()))
    result = call('train wrapped.py --work-dir out --cfg-options train_cfg.max_epochs=1')
    assert result.status == 0, result.err
