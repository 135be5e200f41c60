"""Checkpoint files are whole or absent."""

import os

import pytest
import torch
from mmengine import fileio

from mmseg_vitseg.engine.hooks.checkpoint import BACKEND
from mmseg_vitseg.engine.resuming.newest import find_resumable


def put(content: bytes, path) -> None:
    fileio.put(content, str(path), backend_args=dict(backend=BACKEND))


def test_writes_and_replaces(tmp_path):
    put(b'old', tmp_path / 'deep/x.pth')
    put(b'new', tmp_path / 'deep/x.pth')
    assert (tmp_path / 'deep/x.pth').read_bytes() == b'new'
    assert [path.name for path in (tmp_path / 'deep').iterdir()] == ['x.pth']


@pytest.mark.parametrize('when', ['fsync', 'replace'])
@pytest.mark.parametrize('error', [KeyboardInterrupt, OSError('no space left')])
def test_an_interruption_leaves_the_old_file(tmp_path, monkeypatch, when, error):
    put(b'old', tmp_path / 'x.pth')

    def interrupt(*args):
        raise error

    monkeypatch.setattr(os, when, interrupt)
    with pytest.raises((KeyboardInterrupt, OSError)):
        put(b'new', tmp_path / 'x.pth')
    assert (tmp_path / 'x.pth').read_bytes() == b'old'
    assert len(list(tmp_path.iterdir())) == 1


def test_the_newest_checkpoint_is_resumed(tmp_path):
    assert find_resumable(tmp_path) is None
    for index, name in enumerate(['epoch_9.pth', 'epoch_10.pth', 'best_mIoU_epoch_9.pth', 'other.txt']):
        torch.save({}, tmp_path / name)
        os.utime(tmp_path / name, (index, index))
    (tmp_path / 'last_checkpoint').write_text('')  # killed while the host was writing it
    assert find_resumable(tmp_path).name == 'epoch_10.pth'
