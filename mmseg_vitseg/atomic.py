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
    with _temporary(path) as temporary:
        yield temporary
        if durable:
            with open(temporary, 'rb') as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)


@contextmanager
def whole_together(path: Path, *beside: str) -> Iterator[Path]:
    """Give a name to write to as :func:`whole` does, in a folder of its own, where what belongs to it may be written too.

    All get their own names together, and after an error what was there before is there still. Where others of ``beside`` are
    there from before, they are removed: they belonged to the older file.

    Args:
        path: the target.
        beside: names of files that may be written beside it.

    Raises:
        IsADirectoryError, OSError: as :func:`whole`.
    """
    with _temporary(path) as temporary:
        temporary.mkdir()
        yield temporary / path.name
        names = [name for name in beside if (path.parent / name).exists() or (temporary / name).exists()]
        if not names:
            os.replace(temporary / path.name, path)
            return
        older = temporary / 'older'
        older.mkdir()
        try:
            _move([path.name, *names], path.parent, older)
            _move(
                [*names, path.name], temporary, path.parent
            )  # the file itself last: while it is not there, nothing is read
        except BaseException:
            _move([*names, path.name], older, path.parent)
            raise


def _move(names: list[str], source: Path, target: Path) -> None:
    for name in names:
        if (source / name).exists():
            os.replace(source / name, target / name)


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """Give the temporary name of a file, of this process's own; what is there afterwards is removed, a folder too.

    Raises:
        IsADirectoryError, OSError: see :func:`whole`.
    """
    if path.is_dir():
        raise IsADirectoryError(f'{path}: a folder; name a file')
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'{PREFIX}{os.getpid()}-{path.name}')
    try:
        _remove(temporary)  # in a folder that others write to, it could be a link to somewhere else
        yield temporary
    except Exception as error:
        if (number := _reason(error, temporary)) is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error
    finally:
        with suppress(OSError):  # of a disk that may not be written to: the first error says so
            _remove(temporary)


def _remove(path: Path) -> None:
    """Remove a file, a link or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_stale(folder: Path) -> None:
    """Remove the temporary files and folders in a folder whose processes, of this machine, have ended."""
    for file in folder.glob(f'{PREFIX}*-*'):
        pid = file.name.removeprefix(PREFIX).partition('-')[0]
        if pid.isdigit() and not _lives(int(pid)):
            _remove(file)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        pass
    return True


def _reason(error: Exception, temporary: Path) -> int | None:
    """Return the system's number of what kept the temporary files from being written; None: it was something else."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno if error.filename is None or str(error.filename).startswith(str(temporary)) else None
    # torch and safetensors have errors of their own for a disk that is full
    return errno.ENOSPC if shutil.disk_usage(temporary.parent).free < LITTLE else None
