"""Several processes of which one fails, or all are interrupted: who speaks, how soon, and what is left running."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from mmseg_vitseg.cli.launch import account
from mmseg_vitseg.cli.one_line_errors import LOST, error_line, fail, leave_for_torchrun
from mmseg_vitseg.engine.resuming.newest import find_resumable
from vitseg_tests.paths import ROOT

MARK = 'MMSEG_VITSEG_FAULT_TEST'  # in the environment of whatever a test starts

FAULTY = """
import os
import signal
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS

@TRANSFORMS.register_module()
class KillsTheSecond(BaseTransform):
    def transform(self, results):
        if os.environ['RANK'] == '1':
            open('fault', 'w').close()
            os.kill(os.getpid(), signal.SIGKILL)
        return results
"""

CONFIG = f"""
_base_ = '{ROOT}/configs/quickstart.py'
custom_imports = dict(imports=['faulty'])
pipeline = [
    dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='KillsTheSecond'), dict(type='PackSegInputs')
]
model = dict(backbone=dict(num_layers=1))
train_dataloader = dict(batch_size=4, dataset=dict(length=16))
val_dataloader = dict(batch_size=4, dataset=dict(length=16))
default_hooks = dict(progress=dict(num_images=2))
"""

# a tool of ours as far as its end is concerned, without what takes seconds to import
TOOL = """
import os, sys, time
import torch
from mmseg_vitseg.cli.ending import run

def main():
    torch.distributed.init_process_group('gloo')
    second = os.environ['RANK'] == '1'
    for step in range(10**6):
        if step == 3 and second:
            open('fault', 'w').close()
            if sys.argv[1] == 'raises':
                raise ValueError('b.jpg: damaged')
        if sys.argv[1] == 'busy':
            time.sleep(0.01)
        torch.distributed.all_reduce(torch.ones(1))

run(main)
"""


class Ended(NamedTuple):
    """What a command left behind."""

    status: int
    lines: list[str]  # on stderr
    seconds: float | None  # since the fault
    running: list[int]  # of its processes, two seconds after its end


def processes_of(session: int) -> list[int]:
    """Return the processes started by a command: those that bear its mark in their environment, however they were left."""
    mark = f'{MARK}={session}'.encode()
    found = []
    for place in Path('/proc').glob('[0-9]*'):
        try:
            if mark in (place / 'environ').read_bytes().split(b'\0'):
                found.append(int(place.name))
        except OSError:
            continue
    return found


def run_two(folder: Path, *command: str, interrupt: signal.Signals | None = None) -> Ended:
    """Run a command that starts two processes, in a process group of its own, to its end."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    path = os.pathsep.join([str(ROOT), str(folder), os.environ.get('PYTHONPATH', '')])
    mine = {'PYTHON': sys.executable, 'PORT': str(port), 'PYTHONPATH': path, MARK: str(port)}
    with (
        open(folder / 'said', 'w') as out,
        subprocess.Popen(
            [argument.format(port=port) for argument in command],
            cwd=folder,
            env={**os.environ, **mine},
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
        ) as process,
    ):
        try:
            if interrupt:
                wait_for((folder / 'fault').exists, 60)
                os.killpg(process.pid, interrupt)
            _, errors = process.communicate(timeout=120)
            seconds = time.time() - (folder / 'fault').stat().st_mtime
            wait_for(lambda: not processes_of(port), 2)
            left = processes_of(port)
        finally:
            for pid in processes_of(port):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    return Ended(process.returncode, errors.splitlines(), seconds, left)


def wait_for(condition, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)


KILLED = 'error: rank 1 was ended by SIGKILL (too little memory?); '
NOTHING = 'no checkpoint was written so far, so run the same command again'
RESUME = 'the same command with --resume goes on from the last checkpoint'


@pytest.mark.slow
@pytest.mark.parametrize('place', ['train', 'val'])
def test_one_is_killed(tmp_path, place):
    (tmp_path / 'faulty.py').write_text(FAULTY)
    (tmp_path / 'two.py').write_text(f"{CONFIG}\n{place}_dataloader['dataset']['pipeline'] = pipeline")
    end = run_two(tmp_path, str(ROOT / 'tools/dist_train.sh'), 'two.py', '2', '--work-dir', 'out')
    # the first one may be writing its checkpoint when the second is killed
    following = RESUME if find_resumable(tmp_path / 'out') else NOTHING
    assert (end.status, end.lines, end.running) == (137, [KILLED + following], [])
    assert end.seconds < 10


def light(folder: Path, how: str, **options) -> Ended:
    (folder / 'train.py').write_text(TOOL)
    launch = (sys.executable, str(ROOT / 'tools/_launch.py'), '--nproc_per_node', '2', '--master_port', '{port}')
    return run_two(folder, *launch, 'train.py', how, **options)


def test_only_the_second_meets_a_mistake(tmp_path):
    end = light(tmp_path, 'raises')
    assert (end.status, end.running) == (2, [])
    assert end.lines == ['error: rank 1: b.jpg: damaged  [MMSEG_VITSEG_TRACEBACK=1 shows where]']
    assert end.seconds < 10


@pytest.mark.parametrize(('kind', 'word'), [(signal.SIGINT, 'Interrupted'), (signal.SIGTERM, 'Terminated')])
def test_all_get_a_signal(tmp_path, kind, word):
    end = light(tmp_path, 'busy', interrupt=kind)
    assert (end.status, end.running) == (128 + kind, [])
    assert end.lines == [
        '',
        f'{word}. What is written is whole; {RESUME}, if one was written.',
    ]
    assert end.seconds < 10


# ----------------------------------------------------------------------------------------------- without a process


@pytest.fixture
def failure(tmp_path):
    """Make torchrun's record of a process that failed."""
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

    def make(status: int, *said: str):
        file = tmp_path / f'{len(list(tmp_path.iterdir()))}.json'
        if said:
            assert leave_for_torchrun(file, said)
        return ProcessFailure(local_rank=0, pid=1, exitcode=status, error_file=str(file))

    return make


def test_the_first_cause_is_what_is_said(failure, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['tools/_launch.py', 'tools/train.py'])
    lost = f'{LOST}, ...'

    def of(*processes):
        return account({rank: failure(*one) for rank, one in enumerate(processes)})

    assert of((2, 'a', 'b'), (-15, 'a', 'b')) == (['a', 'b'], 2)  # both had written; torchrun ended one of them
    assert of((2, lost), (2, 'damaged')) == (['rank 1: damaged'], 2)
    assert of((-15,), (-15, 'damaged')) == (['rank 1: damaged'], 2)
    assert of((2, lost), (-9,)) == ([f'{KILLED.removeprefix("error: ")}{RESUME}, if one was written'], 137)
    assert of((-15,), (7,))[1] == 7
    monkeypatch.setattr(sys, 'argv', ['tools/_launch.py', 'tools/test.py'])
    assert of((-15,), (-9,))[0][0].endswith('; run the same command again')
    assert of((-15,), (2, lost)) == ([f'rank 1: {lost}'], 2)  # the cause is on another machine
    assert of((-15,), (-15,)) == (['every process was ended by SIGTERM'], 2)


def test_a_lost_process_is_told_from_other_errors(monkeypatch):
    gone = RuntimeError('[pair.cc:553] Connection closed by peer [127.0.0.1]:4307.')
    assert not error_line(gone).startswith(LOST)
    monkeypatch.setenv('WORLD_SIZE', '2')
    assert error_line(gone).startswith(LOST)
    assert not error_line(RuntimeError('shapes do not match')).startswith(LOST)


def test_without_torchrun_each_process_speaks_for_itself(monkeypatch, capsys):
    monkeypatch.setenv('WORLD_SIZE', '2')
    monkeypatch.setenv('RANK', '1')
    with pytest.raises(SystemExit) as end:
        fail('wrong')
    assert end.value.code == 2
    assert capsys.readouterr().err == 'error: rank 1: wrong\n'
