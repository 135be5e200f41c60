"""What a tool says of a user's mistake."""

import subprocess


def check_user_error(result: subprocess.CompletedProcess, *words: str) -> None:
    """Check that a finished tool refused with exit status 2 and one line on stderr that says each of the words."""
    lines = result.stderr.strip().splitlines()
    assert result.returncode == 2, (result.returncode, result.stderr)
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0]
