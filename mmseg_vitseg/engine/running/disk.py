"""What a training says of a disk that does not take its files."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmseg_vitseg.engine.resuming.newest import find_resumable

FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def disk_errors_explained(work_dir: str | Path) -> Iterator[None]:
    """Where the disk ends a training, say what is whole and how to go on.

    Raises:
        OSError: the disk is full, or may not be written to any more.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (*FULL, errno.EROFS):
            raise
        file = error.filename or f'a log in {work_dir}'  # the host does not say which
        last = find_resumable(work_dir)
        left = f'{last} is whole, and --resume {last} goes on from it' if last else 'no checkpoint was written so far'
        cure = 'make room' if error.errno in FULL else 'make it writable, or name another --work-dir'
        raise OSError(f'{file}: {os.strerror(error.errno)}; {cure}: {left}') from error
