"""What commands leave behind that run in the tests' own process."""

import contextlib
import logging
from typing import NamedTuple

from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer
from mmseg.visualization import SegLocalVisualizer


class Finished(NamedTuple):
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


def forget() -> None:
    """Close the log files of the Runner and take off what it leaves in the process."""
    for logger in MMLogger._instance_dict.values():
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                with contextlib.suppress(OSError):  # its disk may be full
                    handler.close()
    for kind in (MMLogger, MessageHub, Visualizer, SegLocalVisualizer, DefaultScope):
        kind._instance_dict.clear()
    DefaultScope.get_instance('tests', scope_name='mmseg')
