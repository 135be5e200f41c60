"""Files that are whole or absent, whatever interrupts their writing."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = '.tmp-'
LITTLE = 64 * 1024  # bytes free: a disk is full when less than this is left after a write has failed


@contextmanager
def whole(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a name to write to; what is there afterwards gets its own name, and after an error nothing is left.

    The folder is made if it is not there. The temporary name, of the same suffix, is this process's own: two that write
    the same file do not mix. :func:`remove_stale` removes what killed processes left.

    Args:
        path: the target.
        durable: it is on the disk before it gets its name, so that a power cut cannot take both the old and the new.

    Raises:
        IsADirectoryError: the name is a folder's.
        OSError: it cannot be written, with the target's name: the disk is full, or may not be written to.
    """
    if path.is_dir():
        raise IsADirectoryError(f'{path}: a folder; name a file')
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'{PREFIX}{os.getpid()}-{path.name}')
    try:
        temporary.unlink(missing_ok=True)  # in a folder that others write to, it could be a link to somewhere else
        yield temporary
        if durable:
            with open(temporary, 'rb') as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except Exception as error:
        if (number := _reason(error, temporary)) is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error
    finally:
        with suppress(OSError):  # of a disk that may not be written to: the first error says so
            temporary.unlink(missing_ok=True)


def remove_stale(folder: Path) -> None:
    """Remove the temporary files in a folder whose processes, of this machine, have ended."""
    for file in folder.glob(f'{PREFIX}*-*'):
        pid = file.name.removeprefix(PREFIX).partition('-')[0]
        if pid.isdigit() and not _lives(int(pid)):
            file.unlink(missing_ok=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        pass
    return True


def _reason(error: Exception, temporary: Path) -> int | None:
    """Return the system's number of what kept the temporary file from being written; None: it was something else."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno if error.filename in (None, str(temporary), temporary) else None
    # torch and safetensors have errors of their own for a disk that is full
    return errno.ENOSPC if shutil.disk_usage(temporary.parent).free < LITTLE else None
