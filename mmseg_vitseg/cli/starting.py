"""What a command does before it begins: text is UTF-8, the host is imported without what it says about itself."""

import contextlib
import io
import locale
import os
import sys
import warnings

from mmseg_vitseg.compat import check_host
from mmseg_vitseg.host_messages import PRINTED, WARNINGS

# On a CPU torch keeps 1024 of each kind of kernel, one for each size of input. Pictures of many sizes fill that with
# hundreds of MB, and the heap falls to pieces between them; a model at one size has some dozens.
KERNELS = {'LRU_CACHE_CAPACITY': '128', 'ONEDNN_PRIMITIVE_CACHE_CAPACITY': '128'}


def write_utf8() -> None:
    """Read and write text as UTF-8 whatever the locale says: start again so where Python does not do that by itself.

    The host opens files without naming an encoding, so paths and classes with letters outside ASCII would end a training.
    """
    if (
        os.name == 'posix'
        and not sys.flags.utf8_mode
        and locale.getpreferredencoding(False).lower() not in ('utf-8', 'utf8')
    ):
        arguments = [os.fsencode(argument) for argument in sys.orig_argv[1:]]
        os.execve(sys.executable, [os.fsencode(sys.executable), *arguments], {**os.environ, 'PYTHONUTF8': '1'})
    for stream in (sys.stdout, sys.stderr):  # PYTHONIOENCODING may have named another
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower() not in ('utf-8', 'utf8'):
            stream.reconfigure(errors='backslashreplace')


def ignore_host_warnings() -> None:
    """Hide what the host warns of whenever it is used."""
    for message in WARNINGS:
        warnings.filterwarnings('ignore', message=message)


def keep_few_kernels() -> None:
    """Have torch keep no more than KERNELS says, unless the environment does; to be called before it is imported."""
    for name, capacity in KERNELS.items():
        os.environ.setdefault(name, capacity)


def import_host() -> None:
    """Import MMSegmentation, and leave out the lines that it prints each time.

    Raises:
        ImportError: torch or the host is not installed, or their versions do not fit together.
    """
    import torch  # noqa: F401 -- first: where it is missing, nothing is installed

    check_host()
    from mmengine.logging import MMLogger

    MMLogger.get_current_instance()  # writes to what is stdout when it is made, so not to what follows
    with contextlib.redirect_stdout(io.StringIO()) as said:
        import mmseg.datasets  # noqa: F401
    for line in said.getvalue().splitlines():
        if line not in PRINTED:
            print(line)
