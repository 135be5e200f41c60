"""What the tools share: a user's mistake is one line on stderr and exit status 2, Ctrl-C 130, SIGTERM 143."""

import atexit
import contextlib
import errno
import io
import json
import locale
import logging
import os
import re
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from _signals import silence_handing_over, stop_by_exception

TRACEBACK = 'MMSEG_VITSEG_TRACEBACK'
ERROR_FILE = 'TORCHELASTIC_ERROR_FILE'  # torchrun's, for what a process has to say at its end
LAUNCHED = ('SLURM_PROCID', 'OMPI_COMM_WORLD_RANK')  # Slurm's and MPI's, until the host has made RANK of them
STARTED = time.time() - 1  # files have coarser clocks
NOTED: list[str] = []  # the work dir of a training
LOST = 'lost the connection to another process'
PEER_GONE = re.compile(  # as gloo, NCCL and the store through which the processes meet say it
    'Connection (was )?(likely )?(closed|reset)|Broken pipe|ncclRemoteError|failed to recv, got 0 bytes', re.IGNORECASE
)

# What to do where the system refuses.
CURES = {
    errno.ENOSPC: 'make room, or name another disk',
    errno.EDQUOT: 'make room, or name another disk',
    errno.EROFS: 'name a folder that can be written to',
    errno.EACCES: 'change who may read or write it (chmod, chown), or name another',
}

# What to do where the host, or torch, says only what is wrong.
ADVICE = {
    'The image size in a batch should be the same': 'pictures of different sizes cannot be a batch: '
    '--cfg-options val_dataloader.batch_size=1 test_dataloader.batch_size=1',
    'persistent_workers option needs num_workers > 0': 'beside num_workers=0, write persistent_workers=False',
    'prefetch_factor option could only be specified in multiprocessing': 'beside num_workers=0, write prefetch_factor=None',
}

# On a CPU torch keeps 1024 of each kind of kernel, one for each size of input. Pictures of many sizes fill that with
# hundreds of MB, and the heap falls to pieces between them; a model at one size has some dozens.
KERNELS = {'LRU_CACHE_CAPACITY': '128', 'ONEDNN_PRIMITIVE_CACHE_CAPACITY': '128'}

# What the host says about itself whenever it is used, and a user can do nothing about.
HOST_WARNINGS = (
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
PARTS = ('mmseg_vitseg', 'mmseg', 'mmcv', 'mmengine', 'torch', 'numpy', 'rich')  # without which no tool works
INSTALL = (
    'activate the environment that it is installed in (. .venv/bin/activate), or install it, in its clone: '
    "pip install -c requirements/tested.txt -e '.[onedl]'"
)


def run(main: Callable[[], None]) -> None:
    """Run a tool's ``main``; it imports what is heavy by itself, so that ``--help`` is quick and a bad install is caught."""
    write_utf8()
    for message in HOST_WARNINGS:
        warnings.filterwarnings('ignore', message=message)
    # a log on a full disk would be a traceback a line; whatever is written next says so once
    logging.raiseExceptions = False
    silence_handing_over()
    try:
        attempt(main)
    except SystemExit as end:
        if connected():
            end_at_once(end.code if isinstance(end.code, int) else 1)
        raise


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


def attempt(main: Callable[[], None]) -> None:
    """Run it, and end with the line of what ended it."""
    received = stop_by_exception()
    try:
        attempt_uninterrupted(main, received)
    except KeyboardInterrupt:
        end_interrupted(received[0] if received else signal.SIGINT)


def attempt_uninterrupted(main: Callable[[], None], received: list[int]) -> None:
    """Run it, and end with its error's line; this too can be interrupted."""
    try:
        main()
    except Exception as error:
        if received:  # some library made an error of its own of the signal
            raise KeyboardInterrupt from error
        if os.environ.get(TRACEBACK):
            raise
        fail(describe(error))
    if connected():
        sys.modules['torch'].distributed.destroy_process_group()


def end_interrupted(number: int) -> NoReturn:
    """End with a signal's status and a line, once for all processes: torchrun's leave the line to the launcher."""
    if first_process() and ERROR_FILE not in os.environ:
        what = 'Interrupted' if number == signal.SIGINT else 'Terminated'
        print(f'\n{what}. What is written is whole; {next_step()}.', file=sys.stderr)
    sys.exit(128 + number)


def connected() -> bool:
    """Tell whether this process is in a group of several."""
    distributed = getattr(sys.modules.get('torch'), 'distributed', None)
    return distributed is not None and distributed.is_available() and distributed.is_initialized()


def end_at_once(status: int) -> NoReturn:
    """End without torch's tidying, which aborts where a thread still talks to the other processes."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def note_work_dir(work_dir: str) -> None:
    """Note where a training writes: what is said of its end depends on what is there."""
    NOTED[:] = [work_dir]


def next_step() -> str:
    """Say what to do after an end that came too early."""
    if 'train.py' not in (Path(argument).name for argument in sys.argv):  # which _launch.py is given as an argument
        return 'run the same command again'
    written = checkpoints_written()
    if written:
        return 'train.py --resume goes on from the last checkpoint'
    if written is None:
        return 'train.py --resume goes on from the last checkpoint, if one was written'
    return 'no checkpoint was written so far, so run the same command again'


def checkpoints_written() -> bool | None:
    """Tell whether the training has checkpoints to resume from, None where the launcher does not know its work dir."""
    named = [argument.removeprefix('--work-dir').removeprefix('=') for argument in sys.argv if '--work-dir' in argument]
    given = (
        named[-1] or next(iter(sys.argv[sys.argv.index('--work-dir') + 1 :]), '') if named else next(iter(NOTED), '')
    )
    if not given:  # train.py itself knows it before it writes anything
        return None if Path(sys.argv[0]).name != 'train.py' else False
    since = 0.0 if any(argument.startswith('--resume') for argument in sys.argv) else STARTED  # else another's
    files = [path for unit in ('epoch', 'iter') for path in Path(given).glob(f'{unit}_*.pth')]
    return any(path.stat().st_mtime >= since for path in files)


def first_process() -> bool:
    """Tell the one that speaks for all, of several processes, from the others."""
    names = ('RANK', *(LAUNCHED if '--launcher' in sys.argv else ()))
    return next((os.environ[name] for name in names if name in os.environ), '0') == '0'


def several_processes() -> bool:
    """Tell whether a launcher started more than this one."""
    return os.environ.get('WORLD_SIZE', '1') != '1'


def fail(*messages: str) -> NoReturn:
    """End with status 2 and a line for each message; of several processes, torchrun gets the lines (_launch.py)."""
    file = os.environ.get(ERROR_FILE)
    if not file or not left(Path(file), messages):
        who = f'rank {os.environ.get("RANK", 0)}: ' if several_processes() else ''
        print(*(f'error: {who}{message}' for message in messages), sep='\n', file=sys.stderr)
    sys.exit(2)


def left(file: Path, messages: tuple[str, ...]) -> bool:
    """Write messages where torchrun looks for them, in its form; tell whether that went well."""
    content = {'message': {'message': '\n'.join(messages), 'extraInfo': {'timestamp': str(int(time.time()))}}}
    try:
        file.write_text(json.dumps(content))  # which torchrun reads when the process has ended
    except OSError:
        return False
    return True


def keep_few_kernels() -> None:
    """Have torch keep no more than KERNELS says, unless the environment does; to be called before it is imported."""
    for name, capacity in KERNELS.items():
        os.environ.setdefault(name, capacity)


def describe(error: Exception) -> str:
    """Return one line for an error; one that no check of ours foresaw keeps its traceback in a file."""
    if several_processes() and isinstance(error, RuntimeError) and PEER_GONE.search(str(error)):
        return f'{LOST}, which has ended; {next_step()} ({one_line(error)})'
    if isinstance(error, OSError) and error.errno in CURES:
        return f'{error.filename or "output"}: {error.strerror}; {CURES[error.errno]}  [{TRACEBACK}=1 shows where]'
    if advice := next((cure for text, cure in ADVICE.items() if text in str(error)), None):
        return f'{one_line(error).rstrip(".")}; {advice}  [{TRACEBACK}=1 shows where]'
    unknown_type = isinstance(error, KeyError) and 'registry. Please check' in str(error)  # mmengine's
    if isinstance(error, ModuleNotFoundError) and error.name in PARTS:
        return f'{error.name} is not installed here ({sys.executable}): {INSTALL}'
    if unknown_type or isinstance(error, (ValueError, OSError, ImportError)):
        return f'{one_line(error)}  [{TRACEBACK}=1 shows where]'
    with tempfile.NamedTemporaryFile('w', prefix='mmseg_vitseg-', suffix='.txt', delete=False) as file:
        traceback.print_exception(error, file=file)
    return f'{type(error).__name__}: {one_line(error)}  [where: {file.name}]'


@contextlib.contextmanager
def shown_progress() -> Iterator[Callable[[str], None]]:
    """Show where we are on a terminal; say nothing elsewhere."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda text: None
        return
    with console.status('') as status:
        yield status.update


def one_line(error: BaseException) -> str:
    """Return an error's message in one line; of one that a data loader's worker sent, the message of the original."""
    message = str(error)
    if message.startswith('Caught '):  # "Caught ValueError in DataLoader worker process 0.\nOriginal Traceback ..."
        message = re.split(r'^[\w.]*(?:Error|Exception): ', message, flags=re.MULTILINE)[-1]
    return ' '.join(message.split())
