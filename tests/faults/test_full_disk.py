"""Disks that are full, or may not be written to: one line, nothing half-written, and --resume goes on."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_vitseg.checkpoints.reading import read_checkpoint

# three epochs of two steps; a model of 100,000 parameters, so that a checkpoint is about 1.2 MB
TRAINING = """
_base_ = './small.py'
model = dict(backbone=dict(embed_dims=96), decode_head=dict(in_channels=96))
train_dataloader = dict(batch_size=1)
val_dataloader = _base_.test_dataloader
val_evaluator = _base_.test_evaluator
val_cfg = dict(type='ValLoop')
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-3))
train_cfg = dict(max_epochs=3)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='SegLocalVisualizer', vis_backends=vis_backends)
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1),
    checkpoint=dict(max_keep_ckpts=1, save_best='mIoU'),
    progress=dict(type='mmseg_vitseg.PredictionProgressHook'),
)
"""
TRAIN = 'train training.py --work-dir disk/out'


@pytest.fixture
def disk(folder):
    """A disk of its own of 6 MB: ``disk`` in the working folder."""
    (folder / 'training.py').write_text(TRAINING)
    path = folder / 'disk'
    path.mkdir()
    _mount('-t', 'tmpfs', '-o', 'size=6m', 'mmseg_vitseg_test', path)
    yield path
    subprocess.run(['umount', path], check=True)


def _mount(*arguments) -> None:
    if shutil.which('mount') is None:
        pytest.skip('there is no mount')
    result = subprocess.run(['mount', *arguments], capture_output=True, text=True)
    if result.returncode:
        pytest.skip(f'no right to mount a disk: {result.stderr.strip()}')


def fill(disk: Path, left: int) -> Path:
    """Leave so many bytes free."""
    path = disk / 'filler'
    path.write_bytes(b'')
    path.write_bytes(bytes(shutil.disk_usage(disk).free - left))
    return path


def error_line(result) -> str:
    assert result.status == 2, (result.out, result.err)
    assert 'Traceback' not in result.out + result.err
    assert len(result.err.splitlines()) == 1, result.err
    assert result.err.startswith('error: ')
    assert '[where:' not in result.err
    return result.err


def check_nothing_half(disk: Path) -> None:
    assert [path.name for path in disk.rglob('.tmp-*')] == []
    for path in disk.rglob('*.pth'):
        assert read_checkpoint(path)['state_dict']


def test_a_training_meets_a_full_disk(disk, call):
    assert call(f'{TRAIN} --cfg-options train_cfg.max_epochs=1').status == 0
    filler = fill(disk, 500_000)
    line = error_line(call(f'{TRAIN} --resume'))
    assert 'disk/out/epoch_2.pth: No space left on device; make room: ' in line
    assert 'disk/out/epoch_1.pth is whole, and --resume disk/out/epoch_1.pth goes on from it' in line
    check_nothing_half(disk)
    filler.unlink()
    assert call(f'{TRAIN} --resume').status == 0
    assert (disk / 'out/epoch_3.pth').is_file()
    check_nothing_half(disk)


@pytest.mark.parametrize('left', [8192, 600_000])  # amid the parts, and for the mask that is made of them
def test_a_scene_meets_a_full_disk(disk, call, folder, left):
    rasterio = pytest.importorskip('rasterio', reason='rasterio is not installed')
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (600, 300, 3), np.uint8)).save(folder / 'scene.png')
    command = 'predict small.py small.pth scene.png --scene yes --out disk/out'
    filler = fill(disk, left)
    line = error_line(call(command))
    assert 'disk/out/scene_mask.tif' in line
    assert 'No space left on device; what is done of scene.png is kept, and --resume goes on from it; make room' in line
    filler.unlink()
    result = call(f'{command} --resume')
    assert ('3 of 3 parts are done' in result.out) == (left > 8192)
    assert call('predict small.py small.pth scene.png --scene yes --out anew').status == result.status == 0
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        masks = [rasterio.open(f'{out}/scene_mask.tif').read(1) for out in ('disk/out', 'anew')]
    assert np.array_equal(*masks)


@pytest.mark.parametrize('left', [0, 16384, 65536])
def test_no_room_for_the_logs(disk, call, left):
    fill(disk, left)
    line = error_line(call(TRAIN))
    assert 'No space left on device' in line
    assert 'disk/out' in line
    check_nothing_half(disk)


@pytest.mark.parametrize(
    'line',
    [
        'predict small.py small.pth photo.png --out disk/out',
        'convert_checkpoint small.pth disk/x.pth',
        'convert_checkpoint small.pth disk/x.safetensors',
        'export small.py small.pth --format torchscript --out disk/x.pt',
        'compare --a small.py small.pth --b small.py small.pth --out disk/x.png photo.png',
    ],
)
def test_no_room_for_the_result(disk, call, line):
    fill(disk, 0)
    said = error_line(call(line))
    assert 'disk/' in said
    assert 'No space left on device; make room, or name another disk' in said
    assert {path.name for path in disk.rglob('*') if path.is_file()} == {'filler'}


def test_a_disk_that_may_not_be_written_to(disk, call):
    (disk / 'out').mkdir()
    _mount('-o', 'remount,ro', disk)
    for line in (TRAIN, f'{TRAIN}/new', 'convert_checkpoint small.pth disk/x.pth'):
        result = call(line)
        said = error_line(result)
        assert 'disk/' in said
        assert 'Read-only file system' in said
        assert 'Epoch(' not in result.out
