"""Files that are whole or absent, whatever interrupts their writing."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LITTLE = 64 * 1024  # bytes free: a disk is full when less than this is left after a write has failed


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a name to write to; what is there afterwards gets its own name, and after an error nothing is left.

    The folder is made if it is not there. One temporary name a target, of the same suffix: what a
    killed run left is overwritten.

    Raises:
        IsADirectoryError: the name is a folder's.
        OSError: it cannot be written, with the target's name: the disk is full, or may not be written to.
    """
    if path.is_dir():
        raise IsADirectoryError(f'{path}: a folder; name a file')
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.tmp-{path.name}')
    try:
        temporary.unlink(missing_ok=True)  # in a folder that others write to, it could be a link to somewhere else
        yield temporary
        os.replace(temporary, path)
    except Exception as error:
        if (number := _reason(error, temporary)) is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error
    finally:
        with suppress(OSError):  # of a disk that may not be written to: the first error says so
            temporary.unlink(missing_ok=True)


def _reason(error: Exception, temporary: Path) -> int | None:
    """Return the system's number of what kept the temporary file from being written; None: it was something else."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno if error.filename in (None, str(temporary), temporary) else None
    # torch and safetensors have errors of their own for a disk that is full
    return errno.ENOSPC if shutil.disk_usage(temporary.parent).free < LITTLE else None
