"""How every command runs and ends: a user's mistake is one line on stderr and exit status 2, Ctrl-C 130, SIGTERM 143,
``| head`` 141."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from mmseg_vitseg.cli.next_step import next_step, noting
from mmseg_vitseg.cli.one_line_errors import ERROR_FILE, TRACEBACK, error_line, fail
from mmseg_vitseg.cli.processes import disconnect, end_at_once, is_connected, is_first_process
from mmseg_vitseg.cli.signals import silence_handing_over, stop_by_exception
from mmseg_vitseg.cli.starting import write_utf8
from mmseg_vitseg.cli.stdout import UNREAD, give_up_unwritten, is_unread, write_out
from mmseg_vitseg.host_messages import ignore_host_warnings


def run(work: Callable[[], None]) -> None:
    """Do the work of a command, to an end in one line; it imports what is heavy, so a bad install is caught too."""
    write_utf8()
    ignore_host_warnings()
    # a log on a full disk would be a traceback a line; whatever is written next says so once
    logging.raiseExceptions = False
    silence_handing_over()
    try:
        with noting():
            finish(work)
    except SystemExit as end:
        if is_connected():
            end_at_once(end.code if isinstance(end.code, int) else 1)
        raise


def finish(work: Callable[[], None]) -> None:
    """Do it, and end with the line of what ended it."""
    received = stop_by_exception()
    try:
        finish_uninterrupted(work, received)
    except KeyboardInterrupt:
        end_interrupted(received[0] if received else signal.SIGINT)


def finish_uninterrupted(work: Callable[[], None], received: list[int]) -> None:
    """Do it, and end with its error's line; this too can be interrupted."""
    try:
        write_out(work)
    except Exception as error:
        if received:  # some library made an error of its own of the signal
            raise KeyboardInterrupt from error
        unread = is_unread(error)
        give_up_unwritten()
        if unread:
            sys.exit(UNREAD)
        if os.environ.get(TRACEBACK):
            raise
        fail(error_line(error))
    disconnect()


def end_interrupted(number: int) -> NoReturn:
    """End with a signal's status and a line, once for all processes: torchrun's leave the line to the launcher."""
    if is_first_process() and ERROR_FILE not in os.environ:
        what = 'Interrupted' if number == signal.SIGINT else 'Terminated'
        print(f'\n{what}. What is written is whole; {next_step()}.', file=sys.stderr)
    sys.exit(128 + number)
