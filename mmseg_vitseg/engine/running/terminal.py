"""What the host logs, without what fills a terminal and tells nobody what to do; its log file keeps all of it."""

import logging
from pathlib import Path

from mmengine.logging import MMLogger
from mmengine.runner import Runner

# Beginnings of messages that are for the log file only. The long ones: machine, config, hooks. The others are about the
# host's own code, at every start.
LOG_FILE_ONLY = (
    f'\n{"-" * 60}\nSystem environment:',
    'Config:\n',
    'Hooks will be executed in the following order:',
    'Distributed training is not used, all SyncBatchNorm',
    'Exp name: ',
    'Failed to search registry with scope ',  # not every scope has every registry; a wrong type is an error
    'The prefix is not set in metric class',
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
)


def is_for_terminal(record: logging.LogRecord) -> bool:
    """Tell what a user wants to see while a model trains; errors always."""
    return record.levelno >= logging.ERROR or not record.getMessage().startswith(LOG_FILE_ONLY)


def shorten(logger: MMLogger, file: Path | None = None) -> None:
    """Keep :data:`LOG_FILE_ONLY` out of the terminal, and say in which file it is."""
    for handler in logger.handlers:
        if not isinstance(handler, logging.FileHandler):
            handler.addFilter(is_for_terminal)
    if file:
        logger.info(f'The config, the machine and all that follows are logged in {file}')


class TerminalRunner(Runner):
    """The host's Runner, which says where the log is instead of showing its hundreds of lines in the terminal."""

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """Build the host's logger, and keep :data:`LOG_FILE_ONLY` out of the terminal."""
        logger = super().build_logger(*args, **kwargs)
        shorten(logger, Path(self.log_dir, f'{self.timestamp}.log'))
        return logger
