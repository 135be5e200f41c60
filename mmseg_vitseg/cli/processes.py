"""Which of several processes this is: those that a launcher starts, one a GPU."""

import atexit
import os
import sys
from typing import NoReturn

LAUNCHED = ('SLURM_PROCID', 'OMPI_COMM_WORLD_RANK')  # Slurm's and MPI's, until the host has made RANK of them


def is_first_process() -> bool:
    """Tell the one that speaks for all, of several processes, from the others."""
    names = ('RANK', *(LAUNCHED if '--launcher' in sys.argv else ()))
    return next((os.environ[name] for name in names if name in os.environ), '0') == '0'


def are_several_processes() -> bool:
    """Tell whether a launcher started more than this one."""
    return os.environ.get('WORLD_SIZE', '1') != '1'


def is_connected() -> bool:
    """Tell whether this process is in a group of several."""
    distributed = getattr(sys.modules.get('torch'), 'distributed', None)
    return distributed is not None and distributed.is_available() and distributed.is_initialized()


def disconnect() -> None:
    """Leave the group of processes."""
    if is_connected():
        sys.modules['torch'].distributed.destroy_process_group()


def end_at_once(status: int) -> NoReturn:
    """End without torch's tidying, which aborts where a thread still talks to the other processes."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
