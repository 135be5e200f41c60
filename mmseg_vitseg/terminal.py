"""What reaches a terminal of what the host logs: short lines without dates; its log file keeps all of it."""

import itertools
import logging
import os
import re
import shutil
from pathlib import Path
from typing import TextIO

from mmengine.logging import MMLogger

from mmseg_vitseg.host_messages import INITIALIZATION, LOG_FILE_ONLY

PROGRESS = ('Epoch(', 'Iter(')  # how the host begins a line on how far it is
FIRST = ('loss', 'mIoU', 'eta', 'aAcc', 'mAcc', 'lr', 'time')  # of such a line, where not all fits; then as they come
NEW_LINE = '\r\x1b[K'  # back to its begin, and what is there is gone
EARLY = 'mmengine'  # the name of the host's logger that is there before the Runner has one


def is_for_terminal(record: logging.LogRecord) -> bool:
    """Tell what a user wants to see; errors always."""
    text = record.getMessage()
    return record.levelno >= logging.ERROR or not (text.startswith(LOG_FILE_ONLY) or INITIALIZATION in text)


def shorten(logger: MMLogger) -> None:
    """Have a logger write short lines to the terminal, and nothing there that is for the log file only."""
    for handler in consoles(logger):
        handler.addFilter(is_for_terminal)
        handler.setFormatter(TerminalFormatter(handler))


def shorten_outside_training() -> None:
    """Shorten the logger that the host has where there is no Runner; that of a Runner of the host's stays as it is."""
    logger = MMLogger.get_current_instance()
    if logger.instance_name == EARLY:
        shorten(logger)


def keep_early_messages() -> None:
    """Shorten what is said before there is a log file, and keep all of it for :func:`take_early_messages`."""
    logger = MMLogger.get_instance(EARLY)
    shorten(logger)
    logger.addHandler(Kept())


def take_early_messages(logger: MMLogger) -> None:
    """Write what was said before there was a log file into a logger's."""
    if not MMLogger.check_instance_created(EARLY):
        return
    early = MMLogger.get_instance(EARLY)
    files = [handler for handler in logger.handlers if isinstance(handler, logging.FileHandler)]
    for kept in [handler for handler in early.handlers if isinstance(handler, Kept)]:
        early.removeHandler(kept)
        for record in kept.records:
            for file in files:
                if record.levelno >= file.level:
                    file.handle(record)


def consoles(logger: MMLogger) -> list[logging.StreamHandler]:
    """Return the handlers of a logger that write to the terminal."""
    return [
        one
        for one in logger.handlers
        if isinstance(one, logging.StreamHandler) and not isinstance(one, logging.FileHandler)
    ]


class Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.records.append(record)


class TerminalFormatter(logging.Formatter):
    """Writes a message as it is, with a word before warnings and errors; a line on how far it is as wide as the terminal.

    Args:
        handler: which writes it; into a file or a pipe, the whole line goes.
    """

    def __init__(self, handler: logging.StreamHandler):
        super().__init__()
        self.handler = handler

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record."""
        text = super().format(record).lstrip('\n')
        if record.levelno >= logging.WARNING:
            text = f'{record.levelname.lower()}: {text}'
        if not is_terminal(self.handler.stream):
            return text
        return NEW_LINE + (fitted(text, shutil.get_terminal_size().columns) if text.startswith(PROGRESS) else text)


def fitted(line: str, width: int) -> str:
    """Leave out of the host's line on how far it is what a terminal has no room for.

    Args:
        line: ``Epoch(train) [1][10/64]  lr: 2.0000e-03  eta: 0:01:42 ...``, its parts two spaces or more apart.
        width: in letters.
    """
    head, *parts = re.split(r'\s{2,}(?=[\w./]+: )', line)
    names = [part.partition(':')[0] for part in parts]
    wanted = [names.index(name) for name in FIRST if name in names]
    wanted += [place for place in range(len(parts)) if place not in wanted]
    ends = itertools.accumulate((len(parts[place]) + 2 for place in wanted), initial=len(head))
    kept = sorted(wanted[: sum(end <= width for end in ends) - 1]) if len(head) <= width else []
    return '  '.join([head, *(parts[place] for place in kept)])


def is_terminal(stream: TextIO) -> bool:
    """Tell a terminal that knows :data:`NEW_LINE` from a file, a pipe and an editor's."""
    return stream.isatty() and os.environ.get('TERM') != 'dumb'


def from_here(path: Path) -> Path:
    """Return a path as short as it can be written."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
