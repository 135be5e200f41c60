"""What is said whenever the host is used, and a user can do nothing about: the one list of what is hidden."""

import contextlib
import sys
import warnings
from collections.abc import Iterator

# Lines that it prints, by how they begin.
PRINTED = (
    'Could not import OneDL',  # a service of its makers
    'Loads checkpoint by ',  # and then 'Load checkpoint from', in the log
)

# Warnings, by how they begin.
WARNINGS = (
    'Fail to import ``MultiScaleDeformableAttention``',
    'Default ``avg_non_ignore`` is False',
    '``build_loss`` would be deprecated',
    '``build_pixel_sampler`` would be deprecated',
    '`reduce_zero_label` will be deprecated',
    'The shape of value will convert',
    'Setting MKL_NUM_THREADS environment variable',
    'FSDP.state_dict_type',
    'Mean of empty slice',
    'The draw is False',
)

# Log messages, by how they begin, that are for the log file only. The long ones: machine, config, hooks, a line for each
# parameter. The others are about code, at every start.
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
    'paramwise_options -- ',
    'Using env variable ',  # the config in the log has its value
    'No process group of GPUs: every SyncBN',  # config/devices.py
    'Loads checkpoint by ',
    'The previous best checkpoint ',
    '`save_param_scheduler` is True but ',  # of a training at one learning rate
    '`resume_param_scheduler` is True but ',
)
INITIALIZATION = ' - torch.Size(['  # in each of the messages, one a parameter, on how weights were drawn: the same


def ignore_host_warnings() -> None:
    """Hide :data:`WARNINGS`."""
    for message in WARNINGS:
        warnings.filterwarnings('ignore', message=message)


@contextlib.contextmanager
def printed_lines_left_out() -> Iterator[None]:
    """Leave :data:`PRINTED` out of what is printed."""
    with contextlib.redirect_stdout(WithoutKnownLines(sys.stdout)):
        yield


class WithoutKnownLines:
    """A stream that writes to another all but :data:`PRINTED`; a log may keep it for good."""

    def __init__(self, stream):
        self.stream = stream
        self.left_out = False  # the line before the newline that comes

    def write(self, text: str) -> int:
        """Write what print() writes: a line, then its newline."""
        end, self.left_out = self.left_out and text == '\n', text.startswith(PRINTED)
        return len(text) if self.left_out or end else self.stream.write(text)

    def __getattr__(self, name: str):
        return getattr(self.stream, name)
