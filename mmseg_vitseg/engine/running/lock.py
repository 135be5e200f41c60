"""One process that writes in a folder at a time: two trainings would write each other's checkpoints and logs."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from mmengine.logging import print_log

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None  # type: ignore[assignment]

NAME = '.training'


@contextmanager
def locked(
    folder: str | Path, what: str = 'training', option: str = '--work-dir', *, name: str = NAME
) -> Iterator[None]:
    """Keep a folder, or what is written under a name there, for this process until it ends, in whatever way.

    The lock is the process's alone, not that of those that it starts, and the system takes it back when it ends; in the file
    others read who it is. On network file systems it holds across machines where they pass locks on, as NFS does.
    Where there are no locks, Windows and some network file systems, the log says so.

    Args:
        folder: it is there.
        what: this process does, for messages.
        option: names the folder on the command line.
        name: of the file of the lock.

    Raises:
        ValueError: another process writes there; says which.
        OSError: nothing can be written there.
    """
    path = Path(folder, name)
    file = _locked_file(path, what, option)
    try:
        with suppress(OSError):  # of a full disk: then nobody reads who it is
            file.truncate(0)
            print(f'process {os.getpid()} on {socket.gethostname()}, since {time.ctime()}', file=file, flush=True)
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        with suppress(OSError):
            file.close()


def _locked_file(path: Path, what: str, option: str) -> IO[str]:
    """Open a file and lock it."""
    while True:
        file = open(path, 'a+', encoding='utf-8')  # noqa: SIM115  for as long as the training
        try:
            if not _lock(file, path, what, option) or _is(file, path):
                return file
        except ValueError:
            file.close()
            raise
        file.close()  # removed since by one that has just ended


def _lock(file: IO[str], path: Path, what: str, option: str) -> bool:
    """Lock a file; tell whether the system has such locks."""
    try:
        if fcntl is None:
            raise OSError('this system has none')
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        file.seek(0)
        who = file.read().strip() or 'another process'
        raise ValueError(
            f'{path.parent}: another {what} writes there ({who}); wait for its end, or name another {option}'
        ) from error
    except OSError as error:
        print_log(
            f'{path.parent}: no locks on this disk ({error}), so a second {what} there is not noticed',
            logger='current',
        )
        return False
    return True


def _is(file: IO[str], path: Path) -> bool:
    """Tell whether an open file is the one of a name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
