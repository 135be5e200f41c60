"""Two trainings do not write into one folder."""

import contextlib
import os
import signal

import pytest

from mmseg_vitseg.engine.running import lock
from mmseg_vitseg.engine.running.lock import NAME, locked


@pytest.fixture
def other(tmp_path):
    """Another process that has the lock: its number."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        with locked(tmp_path):
            os.write(writer, b'1')
            signal.pause()
    os.read(reader, 1)
    yield pid
    with contextlib.suppress(ChildProcessError, ProcessLookupError):
        end(pid)


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_the_other_is_named_and_its_end_frees_the_folder(tmp_path, other):
    with pytest.raises(ValueError, match=rf'another training writes there \(process {other} on .+, since') as caught:
        locked(tmp_path).__enter__()
    assert str(tmp_path) in str(caught.value)
    end(other)
    assert (tmp_path / NAME).exists()
    with locked(tmp_path):
        assert f'process {os.getpid()} on' in (tmp_path / NAME).read_text()
    assert list(tmp_path.iterdir()) == []


def test_what_a_training_starts_does_not_keep_the_folder(tmp_path):
    """A data loader's workers, which outlive a training that is killed by some seconds."""
    with locked(tmp_path):
        pid = os.fork()
        if pid == 0:
            signal.pause()
    try:
        with locked(tmp_path):
            pass
    finally:
        end(pid)


@pytest.mark.parametrize('missing', [None, OSError(95, 'Operation not supported')])
def test_where_there_are_no_locks_the_log_says_so(tmp_path, monkeypatch, missing):
    said = []
    monkeypatch.setattr(lock, 'print_log', lambda message, logger: said.append(message))
    if missing is None:
        monkeypatch.setattr(lock, 'fcntl', None)
    else:
        monkeypatch.setattr(lock.fcntl, 'lockf', lambda *args: (_ for _ in ()).throw(missing))
    with locked(tmp_path):
        pass
    assert 'a second training there is not noticed' in said[0]


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), locked(tmp_path):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
