"""Trainings that are killed, at any moment: what is on the disk is whole, and --resume ends as if nothing had happened.

``MMSEG_VITSEG_KILLS=60 python -m pytest tests/faults/test_killed.py -rP`` is the long form, with a table of where it hit.
"""

import contextlib
import json
import multiprocessing
import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from multiprocessing import resource_sharer
from pathlib import Path

import pytest

from mmseg_vitseg.checkpoints.reading import read_checkpoint
from mmseg_vitseg.engine.resuming.newest import find_resumable
from vitseg_tests.equality import same
from vitseg_tests.logs import losses
from vitseg_tests.paths import ROOT

COLD = 'MMSEG_VITSEG_KILLS' in os.environ  # each process imports everything, as a user's does
KILLS = int(os.environ.get('MMSEG_VITSEG_KILLS', 4))
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
MOMENTS = ('writing', 'validation', 'training', 'after writing', 'start')
EPOCHS = 6
SAID = '\n{}. What is written is whole; the same command with --resume goes on from the last checkpoint.\n'
NOTHING = '\n{}. What is written is whole; no checkpoint was written so far, so run the same command again.\n'

# quickstart, smaller; one checkpoint is kept, and the rate is so high that the best score is not always the last
OPTIONS = (
    'model.backbone.num_layers=2',
    'model.backbone.drop_rate=0.1',
    'train_dataloader.batch_size=4',
    'train_dataloader.dataset.length=12',
    'val_dataloader.dataset.length=8',
    f'train_cfg.max_epochs={EPOCHS}',
    'optim_wrapper.optimizer.lr=3e-2',
    'default_hooks.logger.interval=1',
    'default_hooks.progress.num_images=2',
    'default_hooks.checkpoint.max_keep_ckpts=1',
)

pytestmark = pytest.mark.skipif(not Path('/proc/self/status').is_file(), reason='no /proc to look at processes in')


class Training:
    """A process of tools/train.py in a folder of its own; its work dir is ``folder/out``."""

    def __init__(self, starter: subprocess.Popen, folder: Path, *options: str):
        self.work_dir = folder / 'out'
        self.log, self.errors = folder / 'stdout.txt', folder / 'stderr.txt'
        command = [ROOT / 'tools/train.py', ROOT / 'configs/quickstart.py', '--work-dir', 'out', '--resume']
        folder.mkdir(exist_ok=True)
        self.log.write_text('')
        order = dict(folder=str(folder), command=[*map(str, command), '--cfg-options', *OPTIONS, *options])
        starter.stdin.write(f'{json.dumps(order)}\n'.encode())
        self.pid = int(starter.stdout.readline())
        self.starter = starter
        self.status: int | None = None

    def runs(self, timeout: float = 0) -> bool:
        if self.status is None and select.select([self.starter.stdout], [], [], timeout)[0]:
            self.status = int(self.starter.stdout.readline())
        return self.status is None

    def is_writing(self) -> bool:
        return any(name.startswith('.tmp-') and name.endswith('.pth') for name in _names(self.work_dir))

    def has_begun(self) -> bool:
        """Return whether the tool has set what SIGTERM does; before, it is Python that starts."""
        caught = re.search(r'^SigCgt:\s*(\w+)', Path(f'/proc/{self.pid}/status').read_text(), re.MULTILINE)
        return bool(int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)

    def count(self, words: str) -> int:
        return self.log.read_text().count(words)

    def wait_until(self, condition, pause: float = 0.002) -> None:
        """Look until it holds or the process has ended."""
        deadline = time.monotonic() + 120
        while self.runs(pause) and not condition():
            assert time.monotonic() < deadline, self.log.read_text()[-2000:]

    def wait_for(self, moment: str, dice: random.Random) -> None:
        """Return at a random point of such a moment, or when the process has ended."""
        if moment == 'start':
            self.wait_until(self.has_begun)
            time.sleep(dice.uniform(0, 5 if COLD else 0.5))
            return
        number = dice.randint(1, 2)
        if moment == 'training':
            self.wait_until(lambda: self.count('Epoch(train)') >= 2 * number)
            time.sleep(dice.uniform(0, 0.1))
            return
        self.wait_until(lambda: self.count('Saving checkpoint') >= number)
        self.wait_until(self.is_writing, pause=0)
        if moment == 'writing':
            time.sleep(dice.uniform(0, 0.002))
            return
        self.wait_until(lambda: not self.is_writing(), pause=0)
        time.sleep(dice.uniform(0, 0.002 if moment == 'after writing' else 0.06))

    def where(self) -> str:
        """Say what the process is doing."""
        if self.is_writing():
            return 'writing'
        lines = [line for line in self.log.read_text().splitlines() if 'Epoch(' in line or 'Saving' in line]
        if not lines:
            return 'start'
        return 'validation' if 'Saving' in lines[-1] else 'training'

    def end(self) -> str:
        """Wait for its end; return what it said of it."""
        if self.runs(timeout=120):
            os.kill(self.pid, signal.SIGKILL)
            raise AssertionError(self.log.read_text()[-2000:])
        return self.errors.read_text()


def _names(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.is_dir() else []


def check_whole(work_dir: Path) -> int:
    """Read every checkpoint; return how many there are."""
    found = [path for path in work_dir.glob('*.pth') if not path.name.startswith('.tmp-')]
    for path in found:
        assert read_checkpoint(path)['state_dict']
    return len(found)


def check_stopped(training: Training, kind: signal.Signals, said: str) -> None:
    """Check that it ended by itself when it got a signal."""
    assert training.status == 128 + kind, said
    what = 'Terminated' if kind == signal.SIGTERM else 'Interrupted'
    expected = NOTHING if find_resumable(training.work_dir) is None else SAID
    assert said == expected.format(what)
    assert not training.is_writing()


def check_equal(work_dir: Path, reference: Path) -> None:
    """Compare two trainings that have ended: files, weights, optimizer, scheduler, best score."""
    names = [sorted(path.name for path in folder.iterdir() if path.is_file()) for folder in (work_dir, reference)]
    assert names[0] == names[1]
    for name in names[0]:
        if name.endswith('.pth'):
            one, other = (read_checkpoint(folder / name) for folder in (work_dir, reference))
            for part in ('state_dict', 'optimizer', 'param_schedulers'):
                assert same(one.get(part), other.get(part)), (name, part)
            scores = [content['message_hub']['runtime_info'].get('best_score') for content in (one, other)]
            assert scores[0] == scores[1], name
    assert set(losses(work_dir)) == set(losses(reference))


@pytest.fixture(scope='module')
def starter():
    """A process that starts processes."""
    command = [sys.executable, Path(__file__).with_name('forking.py'), 'cold' if COLD else 'warm']
    # without a buffer: select() must see what is there
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        yield process
        process.stdin.close()


@pytest.fixture(scope='module')
def reference(starter, tmp_path_factory) -> Path:
    """The work dir of a training that nobody disturbs."""
    training = Training(starter, tmp_path_factory.mktemp('undisturbed') / 'reference')
    assert training.end() == ''
    best = next(training.work_dir.glob('best_*.pth'))
    assert best.name != f'best_mIoU_epoch_{EPOCHS}.pth', 'a higher rate is needed'
    assert len(losses(training.work_dir)) == 3 * EPOCHS
    return training.work_dir


@pytest.mark.slow
def test_a_killed_training_ends_as_one_that_was_not(starter, reference, tmp_path):
    dice = random.Random(0)
    hits, looked_at, resumes, chain = Counter(), 0, 0, 0
    while hits.total() < KILLS:
        chain += 1
        folder = tmp_path / f'chain_{chain}'
        while True:
            number = hits.total()
            before = find_resumable(folder / 'out')
            resumes += before is not None
            training = Training(starter, folder)
            if number < KILLS:
                training.wait_for(MOMENTS[number % len(MOMENTS)], dice)
            if number == KILLS or not training.runs() or training.count('Animation of'):
                break
            kind, where = SIGNALS[number % len(SIGNALS)], training.where()
            os.kill(training.pid, kind)
            said = training.end()
            if kind == signal.SIGKILL:
                assert (training.status, said) == (-signal.SIGKILL, '')
                where = training.where()
            elif not training.count('Trained.'):
                check_stopped(training, kind, said)
            hits[kind.name, where] += 1
            looked_at += check_whole(folder / 'out')
            if before is not None:
                assert find_resumable(folder / 'out') is not None
        assert training.end() == ''
        check_equal(folder / 'out', reference)
    for (name, where), count in sorted(hits.items()):
        print(f'{name:8} {where:12} {count}')
    print(f'{looked_at} checkpoints looked at, {resumes} resumes, {chain} trainings')


def lives(pid: int) -> bool:
    """Return whether a process is there and not only waited for."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.slow
@pytest.mark.parametrize(
    ('send', 'kind'),
    [
        (os.kill, signal.SIGKILL),  # a worker that is left alone notices after five seconds
        (os.killpg, signal.SIGTERM),  # scancel
        (os.killpg, signal.SIGINT),  # Ctrl-C
    ],
)
def test_workers_end_with_their_training(starter, tmp_path, send, kind):
    training = Training(starter, tmp_path / 'workers', 'train_dataloader.num_workers=2', 'train_cfg.max_epochs=1000')
    training.wait_until(lambda: training.count('Epoch(train)') >= 4)
    workers = Path(f'/proc/{training.pid}/task/{training.pid}/children').read_text().split()
    send(training.pid, kind)
    said = training.end()
    if kind == signal.SIGKILL:
        assert training.status == -kind  # its workers may say something
    else:
        check_stopped(training, kind, said)
    deadline = time.monotonic() + 20
    while any(lives(int(pid)) for pid in workers):
        assert time.monotonic() < deadline, 'workers are left'
        time.sleep(0.1)


def take_and_go() -> None:
    """Go to the worker that has a file to hand over, and end in the middle."""
    context = multiprocessing.get_context('fork')
    here, there = context.Pipe()
    worker = context.Process(target=offer, args=(there,))
    worker.start()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(here.recv())
    here.send('gone')
    worker.join()
    raise ValueError('taken and gone')


def offer(pipe) -> None:
    """Be the worker: as multiprocessing hands a tensor's memory over; what it says goes to a file."""
    with open('said.txt', 'w') as file, contextlib.redirect_stderr(file):
        pipe.send(resource_sharer.DupFd(0)._id[0])
        pipe.recv()
        time.sleep(0.2)  # for the thread that hands it over to notice


def test_a_worker_whose_training_ends_while_it_hands_a_batch_over(folder, call, monkeypatch):
    monkeypatch.setattr('mmseg_vitseg.engine.running.command_line.load_config', lambda *args, **kwargs: take_and_go())
    result = call('train small.py')
    assert result.status == 2 and result.err.startswith('error: taken and gone'), result.err
    assert (folder / 'said.txt').read_text() == ''


def test_a_signal_that_python_drops(folder, call, monkeypatch):
    """It does while it deletes an object, and while it forks."""

    class Interrupted:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)  # a background job ignores the other one

    def drop(*args, **kwargs):
        thing = Interrupted()
        del thing
        time.sleep(60)
        raise AssertionError('goes on')

    monkeypatch.setattr('mmseg_vitseg.engine.running.command_line.load_config', drop)
    result = call('train small.py')
    assert (result.status, result.err) == (143, NOTHING.format('Terminated'))


def test_a_library_that_makes_an_error_of_a_signal(folder, call, monkeypatch):
    """The host's config does, when it is interrupted while it writes itself out."""

    def swallow(*args, **kwargs):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        except BaseException as error:
            raise SyntaxError('the config cannot be formatted') from error

    monkeypatch.setattr('mmseg_vitseg.engine.running.command_line.load_config', swallow)
    result = call('train small.py')
    assert (result.status, result.err) == (143, NOTHING.format('Terminated'))
