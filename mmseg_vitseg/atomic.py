"""Files that are whole or absent, whatever interrupts their writing."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a name to write to; what is there afterwards gets its own name, and after an error nothing is left.

    The folder is made if it is not there. One temporary name a target, of the same suffix: what a
    killed run left is overwritten.

    Raises:
        IsADirectoryError: the name is a folder's.
    """
    if path.is_dir():
        raise IsADirectoryError(f'{path}: a folder; name a file')
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.tmp-{path.name}')
    temporary.unlink(missing_ok=True)  # in a folder that others write to, it could be a link to somewhere else
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
