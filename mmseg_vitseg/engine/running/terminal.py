"""What the host logs, without what fills a terminal and tells nobody what to do; its log file keeps all of it."""

import logging
from pathlib import Path

from mmengine.logging import MMLogger

from mmseg_vitseg.engine.running.compiling import CompilingRunner
from mmseg_vitseg.host_messages import LOG_FILE_ONLY


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


class TerminalRunner(CompilingRunner):
    """The host's Runner, which says where the log is instead of showing its hundreds of lines in the terminal."""

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """Build the host's logger, and keep :data:`LOG_FILE_ONLY` out of the terminal."""
        logger = super().build_logger(*args, **kwargs)
        shorten(logger, Path(self.log_dir, f'{self.timestamp}.log'))
        return logger
