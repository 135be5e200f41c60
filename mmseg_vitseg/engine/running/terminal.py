"""The host's Runner with short lines in the terminal; its log file keeps all of them."""

from pathlib import Path

from mmengine.logging import MMLogger

from mmseg_vitseg.engine.running.compiling import CompilingRunner
from mmseg_vitseg.host_messages import printed_lines_left_out
from mmseg_vitseg.terminal import from_here, shorten, take_early_messages


def point_to_log(logger: MMLogger, file: Path) -> None:
    """Write short lines to the terminal, and say in which file all of them are."""
    shorten(logger)
    take_early_messages(logger)
    logger.info(f'The log, with config and machine: {from_here(file)}')


class TerminalRunner(CompilingRunner):
    """The host's Runner, which says where the log is instead of showing its hundreds of lines in the terminal."""

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """Build the host's logger, with short lines in the terminal."""
        logger = super().build_logger(*args, **kwargs)
        point_to_log(logger, Path(self.log_dir, f'{self.timestamp}.log'))
        return logger

    def load_checkpoint(self, *args, **kwargs) -> dict:
        """Load a checkpoint, whose name the log has, without a printed line on how it is read."""
        with printed_lines_left_out():
            return super().load_checkpoint(*args, **kwargs)
