"""What is said of a user's mistake."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


def check_user_error(result: subprocess.CompletedProcess, *words: str) -> None:
    """Check that a finished tool refused with exit status 2 and one line on stderr that says each of the words."""
    lines = result.stderr.strip().splitlines()
    assert result.returncode == 2, (result.returncode, result.stderr)
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0]


@contextmanager
def raises_with(kind: type[Exception], *words: str) -> Iterator[None]:
    """Check that an error of a kind is raised, which says each of the words."""
    with pytest.raises(kind) as info:
        yield
    for word in words:
        assert word in str(info.value)
