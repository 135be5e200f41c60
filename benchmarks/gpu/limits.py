"""Processes that end in time, with all that they have started."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

# Of the environment, which children inherit, those in a session of their own too, as torchrun's are: it says whose they are.
VARIABLE = 'MMSEG_VITSEG_ON_GPU'
OVER = 'over its limit'
PATIENCE = 5  # seconds that a killed process has to vanish


def run_limited(
    command: Sequence[str], seconds: float, log: Path, environment: Mapping[str, str] | None = None
) -> int | str:
    """Run a command; when it ends, or its time does, nothing that it has started is left.

    Args:
        command: a program and its arguments.
        seconds: its limit.
        log: where its output goes.
        environment: added to this process's.

    Returns:
        its status, or OVER.
    """
    mark = f'{os.environ.get(VARIABLE, "")}/{uuid4().hex}'
    environment = {**os.environ, **(environment or {}), VARIABLE: mark, 'PYTHONUNBUFFERED': '1'}
    with open(log, 'wb') as file:  # no pipe, which a process that is left would keep open
        child = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        return OVER
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):  # one that hangs in a driver is not waited for
            child.wait(PATIENCE)
        for process in marked(mark):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def marked(mark: str) -> list[int]:
    """Return the processes that were started under a mark, wherever they hang now; on Linux."""
    found = []
    for folder in Path('/proc').glob('[0-9]*'):
        with suppress(OSError):  # it has ended, or is another user's
            if f'{VARIABLE}={mark}'.encode() in (folder / 'environ').read_bytes():
                found.append(int(folder.name))
    return found


def last_lines(log: Path, count: int = 4) -> list[str]:
    """Return the last lines of a log that are not empty."""
    lines = log.read_text(errors='replace').splitlines() if log.exists() else []
    return [line for line in lines if line.strip()][-count:]
