"""Computing features: interrupted, on full disks, of what cannot be kept."""

import contextlib
import os
import re
import resource
import shlex
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import DATASETS
from torch.testing import assert_close

from mmseg_vitseg.caching import computing, planning
from mmseg_vitseg.caching.caching import cache_features
from mmseg_vitseg.config.reading import read_config
from mmseg_vitseg.engine.running.lock import locked
from mmseg_vitseg.inference.model import load_model
from mmseg_vitseg.registry import TRANSFORMS

FILES = ('features.bin', 'labels.bin', 'index.jsonl', 'manifest.json')


def contents(folder: Path) -> dict[str, bytes]:
    return {f'{part}/{name}': (folder / part / name).read_bytes() for part in ('train', 'val') for name in FILES}


def said(call, options: str = '', out: str = 'features') -> str:
    """Run the command, and return the line with which it refuses."""
    status, _, err = call(f'cache_features probe.py --out {out} {options}')
    assert status == 2, err
    return err.splitlines()[-1]


def in_a_child(work) -> int:
    """Run something in a process that ends with it; return how it ended."""
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            work()
        os._exit(1)
    return os.waitpid(pid, 0)[1]


@pytest.mark.parametrize('batches', [0, 1, 2])
def test_killed_and_run_again_it_goes_on(probe, call, monkeypatch, batches):
    assert call('cache_features probe.py --out features').status == 0
    expected = contents(probe / 'features')
    shutil.rmtree(probe / 'features')
    monkeypatch.setattr(computing, 'KEEP_SECONDS', 0)

    def killed(items, name, count):
        for index, item in enumerate(items):
            if index == batches:
                for file in FILES[:3]:  # what a process may leave that was writing
                    with open(f'features/train/{file}', 'ab') as half:
                        half.write(b'half')
                os.kill(os.getpid(), signal.SIGKILL)
            yield item

    command = 'python tools/cache_features.py probe.py --out features'
    arguments = dict(base=probe / 'probe.py', command=command, track=killed)
    ended = in_a_child(lambda: cache_features(read_config('probe.py'), Path('features'), **arguments))
    assert os.WTERMSIG(ended) == signal.SIGKILL
    result = call('cache_features probe.py --out features')
    assert result.status == 0, result.err
    assert ('train: 4 of 12 were there' in result.out, 'train: 8 of 12 were there' in result.out) == (
        batches == 1,
        batches == 2,
    )
    found = contents(probe / 'features')
    assert {name: found[name] for name in expected if 'manifest' not in name} == {
        name: content for name, content in expected.items() if 'manifest' not in name
    }


def test_run_again_when_all_is_there_computes_nothing(probe, call, monkeypatch):
    call('cache_features probe.py --out features')
    expected = contents(probe / 'features')
    result = call('cache_features probe.py --out features')
    assert 'train: 12 of 12 were there already' in result.out
    assert contents(probe / 'features') == expected
    (probe / 'data/images/3.png').touch()
    assert 'data/images/3.png has changed since' in said(call)


def test_cut_off_files_are_completed(probe, call):
    call('cache_features probe.py --out features')
    expected = contents(probe / 'features')
    os.truncate('features/train/features.bin', 1000)
    assert call('cache_features probe.py --out features').status == 0
    assert contents(probe / 'features') == expected


def test_a_disk_that_is_full(probe, call, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(planning.shutil, 'disk_usage', lambda _: SimpleNamespace(free=40000))
        line = said(call)
    for words in (
        'features take 55.68 kB: train 12 x 3.46 kB, val 6 x',
        'the disk has 40.00 kB free',
        '--dtype float16',
    ):
        assert words in line
    assert not (probe / 'features/train').exists()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, before[1]))
    try:
        assert "File too large: 'features/train/labels.bin'" in said(call)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert call('cache_features probe.py --out features').status == 0
    whole = contents(probe / 'features')
    call('cache_features probe.py --out other')
    assert all(content == whole[name] for name, content in contents(probe / 'other').items() if 'manifest' not in name)


def test_another_process_that_writes_there(probe, call):
    reader, writer = os.pipe()
    (probe / 'features').mkdir()
    pid = os.fork()
    if pid == 0:
        with locked('features'):
            os.write(writer, b'1')
            signal.pause()
    os.read(reader, 1)
    try:
        assert f'another computation of features writes there (process {pid} on' in said(call)
        assert 'name another --out' in said(call)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@TRANSFORMS.register_module()
class OwnGenerator(BaseTransform):
    """Draws from a generator that nobody else knows."""

    def __init__(self):
        self.generator = np.random.default_rng(0)

    def transform(self, results):
        results['img'] = results['img'] + self.generator.integers(0, 2, results['img'].shape, np.uint8)
        return results


REFUSED = {
    'not frozen': ('model.backbone.frozen=False', ['mmseg_vitseg.VisionTransformer, not frozen', 'frozen=True']),
    'random weights': ('load_from=None', ['random weights', 'init_cfg.checkpoint=FILE', 'load_from=CHECKPOINT']),
    'other preprocessor': (
        'model.data_preprocessor.type=mmseg_vitseg.CachedFeaturesPreprocessor',
        ['CachedFeaturesPreprocessor', "the host's SegDataPreProcessor"],
    ),
    'drawn, not loaded': (
        'load_from=None model.backbone.init_cfg.type=TruncNormal model.backbone.init_cfg.layer=Linear',
        ['random weights'],
    ),
    'no training data': ('train_dataloader=None', ['has no train_dataloader']),
}


@pytest.mark.parametrize(('options', 'words'), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_kept(probe, call, options, words):
    line = said(call, f'--cfg-options {options}')
    for word in words:
        assert word in line


def test_training_pictures_are_alike(probe, call):
    """To what size another is padded would depend on its batch, which is drawn; a size that is given pads all to it."""
    for place in ('images', 'masks'):
        path = f'data/{place}/5.png'
        cv2.imwrite(path, cv2.imread(path, cv2.IMREAD_UNCHANGED)[:20])
    resize = '--cfg-options train_dataloader.dataset.pipeline.2.keep_ratio=True'
    line = said(call, f'{resize} model.data_preprocessor.size=None model.data_preprocessor.size_divisor=8')
    for word in ('data/images/5.png: 24 x 48 pixels', 'the first one 32 x 32', 'keep_ratio=False'):
        assert word in line
    assert call(f'cache_features probe.py --out given {resize}').status == 0


def test_no_pictures(probe, call):
    Path('empty').mkdir()
    prefix = 'train_dataloader.dataset.data_prefix'
    line = said(call, f'--cfg-options {prefix}.img_path=../empty {prefix}.seg_map_path=../empty')
    assert 'train_dataloader.dataset has no pictures' in line


def test_a_folder_with_a_quote(probe, call):
    """Its name stands in the config; what is printed can be typed."""
    result = call("""cache_features probe.py --out "Bob's features" """)
    assert result.status == 0, result.err
    (printed,) = re.findall('python tools/train.py (.*)', result.out)
    assert shlex.split(printed) == ["Bob's features/probe_cached.py"]
    assert len(DATASETS.build(read_config("Bob's features/probe_cached.py").train_dataloader.dataset)) == 6


def edited(steps: str) -> None:
    text = Path('probe.py').read_text()
    Path('probe.py').write_text(text.replace('resize, flip, dict', f'resize, flip, {steps}, dict'))


@pytest.mark.parametrize(
    ('steps', 'options', 'words'),
    [
        (
            "dict(type='RandomCrop', crop_size=(16, 16)), dict(type='PhotoMetricDistortion')",
            '',
            ['RandomCrop, PhotoMetricDistortion: changes', '--leave-out RandomCrop PhotoMetricDistortion,'],
        ),
        (
            "dict(type='RandomCrop', crop_size=(16, 16)), dict(type='PhotoMetricDistortion')",
            '--leave-out RandomCrop',
            ['PhotoMetricDistortion: changes', '--leave-out RandomCrop PhotoMetricDistortion,'],
        ),
        (
            "dict(type='mmseg_vitseg.OwnGenerator')",
            '',
            ['OwnGenerator', 'one of these steps changes pictures at random'],
        ),
        ("dict(type='RandomFlip', prob=0.5)", '', ['RandomFlip: features are cached with one in the pipeline']),
        (
            "dict(type='PhotoMetricDistortion')",
            '--leave-out RandomCop',
            ['has no RandomCop; it has LoadImage, LoadMask'],
        ),
    ],
)
def test_what_is_random(probe, call, steps, options, words):
    edited(steps)
    line = said(call, options)
    for word in words:
        assert word in line
    assert not (probe / 'features/train').exists()


def test_what_is_left_out_is_left_out(probe, call):
    call('cache_features probe.py --out plain')
    edited("dict(type='PhotoMetricDistortion')")
    assert call('cache_features probe.py --out features --leave-out PhotoMetricDistortion').status == 0
    assert contents(probe / 'features')['train/features.bin'] == contents(probe / 'plain')['train/features.bin']
    assert call('train features/probe_cached.py --work-dir out --cfg-options train_cfg.max_epochs=1').status == 0


def test_wrappers(probe, call):
    text = Path('probe.py').read_text()
    inner = "dict(data, pipeline=[*load, resize, flip, dict(type='PackSegInputs')])"
    Path('probe.py').write_text(text.replace(inner, f"dict(type='RepeatDataset', times=2, dataset={inner})"))
    assert 'RepeatDataset: features are cached of a data set' in said(call)
    Path('probe.py').write_text(text.replace(inner, f"dict(type='ConcatDataset', datasets=[{inner}, {inner}])"))
    assert call('cache_features probe.py --out features').status == 0
    dataset = DATASETS.build(read_config('features/probe_cached.py').train_dataloader.dataset)
    assert len(dataset) == 12
    for place in range(12):
        assert_close(dataset.file.levels(place), dataset.file.levels(place + 12), rtol=1e-5, atol=1e-5)


def test_options_and_windows(probe, call):
    """With --cfg-options the new config has them; sliding windows are validated with the backbone."""
    slide = 'model.test_cfg.mode=slide model.test_cfg.crop_size=(32,32) model.test_cfg.stride=(16,16)'
    result = call(f'cache_features probe.py --out features --cfg-options {slide} train_cfg.max_epochs=1')
    assert result.status == 0, result.err
    assert 'val: sliding windows' in result.out
    assert not (probe / 'features/val').exists()
    cfg = read_config('features/probe_cached.py')
    assert (cfg.model.test_cfg.mode, cfg.train_cfg.max_epochs) == ('slide', 1)
    result = call('train features/probe_cached.py --work-dir out')
    assert result.status == 0, result.err
    assert 'mIoU' in result.out


def test_half_precision(probe, call):
    """Half the bytes; features are rounded to 11 bits, and logits differ by what that makes of them."""
    call('cache_features probe.py --out whole')
    assert "dtype is 'float16', and was 'float32'" in said(call, '--dtype float16', 'whole')
    assert call('cache_features probe.py --out half --dtype float16').status == 0
    sizes = [Path(name, 'train/features.bin').stat().st_size for name in ('whole', 'half')]
    assert sizes[0] == 2 * sizes[1]
    head = load_model('probe.py', 'weights.pth', 'cpu').decode_head
    logits = []
    for name, dtype in (('whole', torch.float32), ('half', torch.float16)):
        (*levels,) = read_item(name)['features']
        assert {level.dtype for level in levels} == {dtype}
        logits.append(head(tuple(level[None].float() for level in levels)))
    assert_close(*logits, rtol=1e-2, atol=2e-3)
    assert not torch.equal(*logits)


def test_features_that_half_precision_does_not_hold(probe, call):
    weights = torch.load('weights.pth')
    weights['backbone.pos_embed'] += 1e6
    torch.save(weights, 'weights.pth')
    assert 'features that float16 does not hold' in said(call, '--dtype float16')


def read_item(folder: str) -> dict:
    return DATASETS.build(read_config(f'{folder}/probe_cached.py').val_dataloader.dataset)[0]
