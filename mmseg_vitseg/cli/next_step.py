"""What to do after an end that came too early: a training goes on from its checkpoints, all else is run again."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmseg_vitseg.cli.called import launches, trains

RESUME = 'the same command with --resume goes on from the last checkpoint'
NOTED: dict = {}  # of the command that runs: when it began, a training's work dir, or what goes on


@contextmanager
def noting() -> Iterator[None]:
    """Note when a command begins, and until its end what it notes itself."""
    NOTED['began'] = time.time() - 1  # files have coarser clocks
    try:
        yield
    finally:
        NOTED.clear()


def note_work_dir(work_dir: str) -> None:
    """Note where a training writes: what is said of its end depends on what is there."""
    NOTED['work_dir'] = work_dir


def note_next_step(said: str) -> None:
    """Note what to do after an end that came too early, where that is not to run the same command again."""
    NOTED['next_step'] = said


def next_step() -> str:
    """Say what to do after an end that came too early."""
    if not trains():
        return NOTED.get('next_step', 'run the same command again')
    written = checkpoints_written()
    if written:
        return RESUME
    if written is None:
        return f'{RESUME}, if one was written'
    return 'no checkpoint was written so far, so run the same command again'


def checkpoints_written() -> bool | None:
    """Tell whether the training has checkpoints to resume from, None where the launcher does not know its work dir."""
    named = [argument.removeprefix('--work-dir').removeprefix('=') for argument in sys.argv if '--work-dir' in argument]
    given = (
        named[-1] or next(iter(sys.argv[sys.argv.index('--work-dir') + 1 :]), '')
        if named
        else NOTED.get('work_dir', '')
    )
    if not given:  # the training itself knows it before it writes anything
        return None if launches() else False
    since = (
        0.0 if any(argument.startswith('--resume') for argument in sys.argv) else NOTED.get('began', 0.0)
    )  # else another's
    files = [path for unit in ('epoch', 'iter') for path in Path(given).glob(f'{unit}_*.pth')]
    return any(path.stat().st_mtime >= since for path in files)
