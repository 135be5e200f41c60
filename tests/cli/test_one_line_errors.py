"""An error is one line: what was wrong, and what to do where the host or torch does not say it."""

import errno
import re
from pathlib import Path

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch.utils.data import DataLoader

from mmseg_vitseg.cli.one_line_errors import error_line

WHERE = '  [MMSEG_VITSEG_TRACEBACK=1 shows where]'
OF_A_WORKER = 'Caught ValueError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n'
OF_A_WORKER += '  File "x.py", line 1, in f\nValueError: a.jpg: damaged,\n  it seems'
FULL = OSError(errno.ENOSPC, 'No space left on device', 'out/x.pth')


@pytest.mark.parametrize(
    ('error', 'line'),
    [
        (ValueError('first,\n  second'), f'first, second{WHERE}'),
        (ValueError(OF_A_WORKER), f'a.jpg: damaged, it seems{WHERE}'),
        (FULL, f'out/x.pth: No space left on device; make room, or name another disk{WHERE}'),
        (KeyError('X is not in the y registry. Please check'), f"'X is not in the y registry. Please check'{WHERE}"),
    ],
)
def test_lines(error, line):
    assert error_line(error) == line


def test_what_nobody_foresaw_keeps_its_traceback(tmp_path, monkeypatch):
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    (found,) = re.findall(r'^TypeError: no, never  \[where: (.*)\]$', error_line(TypeError('no,\nnever')))
    assert 'TypeError: no,\nnever' in Path(found).read_text()


@pytest.mark.parametrize(
    ('options', 'cure'),
    [(dict(persistent_workers=True), 'persistent_workers=False'), (dict(prefetch_factor=2), 'prefetch_factor=None')],
)
def test_a_loader_without_workers(options, cure):
    with pytest.raises(ValueError) as info:
        DataLoader([], num_workers=0, **options)
    assert f'; beside num_workers=0, write {cure}' in error_line(info.value)


def preprocess(*, training: bool, **settings) -> None:
    sizes = ((4, 4), (4, 5))
    samples = [SegDataSample(gt_sem_seg=PixelData(data=torch.zeros(1, *size))) for size in sizes]
    preprocessor = MODELS.build(dict(type='SegDataPreProcessor', **settings))
    preprocessor(dict(inputs=[torch.zeros(3, *size) for size in sizes], data_samples=samples), training)


def test_means_of_many_bands():
    with pytest.raises(AssertionError) as info:
        MODELS.build(dict(type='SegDataPreProcessor', mean=[0.0] * 6, std=[1.0] * 6))
    assert 'type=mmseg_vitseg.SegDataPreProcessor' in error_line(info.value)


@pytest.mark.parametrize(
    ('how', 'cure'),
    [
        (dict(training=False, size_divisor=1), 'in validation and tests: .*test_dataloader.batch_size=1'),
        (dict(training=True, size=(2, 2)), r': crop them \(RandomCrop\), as large as model.data_preprocessor.size'),
    ],
)
def test_pictures_of_different_sizes(how, cure):
    with pytest.raises((AssertionError, RuntimeError)) as info:
        preprocess(**how)
    assert re.search(f'; pictures of different sizes cannot be a batch ?{cure}', error_line(info.value))
