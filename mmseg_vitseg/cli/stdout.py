"""What happens where a command's output cannot be written: nobody reads it any more (``| head``), or the disk is full."""

import os
import select
import signal
import sys
from collections.abc import Callable

STDOUT = 1  # its file descriptor
UNREAD = 128 + signal.SIGPIPE  # the exit status of a program that SIGPIPE ends, which Python ignores


def write_out(work: Callable[[], None]) -> None:
    """Do the work of a command, and write what it printed, while an error of that can still be told."""
    try:
        work()
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # so rich ends a program, with status 1
            sys.exit(UNREAD)
        sys.stdout.flush()  # of --help
        raise
    sys.stdout.flush()


def is_unread(error: Exception) -> bool:
    """Tell whether an error is that those who read the output have gone."""
    output = select.poll()
    output.register(STDOUT, 0)
    return isinstance(error, BrokenPipeError) and any(event & select.POLLERR for _, event in output.poll(0))


def give_up_unwritten() -> None:
    """Give up what cannot be written: Python would try again as it ends, and say so in its own words."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
