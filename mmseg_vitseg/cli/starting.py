"""What a command does before it begins: text is UTF-8, the host is imported, and keeps its long lines for the log."""

import io
import locale
import os
import sys

from mmseg_vitseg.compat import check_host

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


def keep_few_kernels() -> None:
    """Have torch keep no more than KERNELS says, unless the environment does; to be called before it is imported."""
    for name, capacity in KERNELS.items():
        os.environ.setdefault(name, capacity)


def import_host() -> None:
    """Import MMSegmentation, and make short what it writes to the terminal.

    Raises:
        ImportError: torch or the host is not installed, or their versions do not fit together.
    """
    import torch  # noqa: F401 -- first: where it is missing, nothing is installed

    check_host()
    import mmseg.datasets  # noqa: F401

    from mmseg_vitseg.terminal import keep_early_messages

    keep_early_messages()
