"""How an error becomes one line: what was wrong, and what to do; ``MMSEG_VITSEG_TRACEBACK=1`` shows where."""

import errno
import json
import os
import re
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import NoReturn

from mmseg_vitseg.cli.next_step import next_step
from mmseg_vitseg.cli.processes import are_several_processes
from mmseg_vitseg.errors import NO_COMPILER

TRACEBACK = 'MMSEG_VITSEG_TRACEBACK'
ERROR_FILE = 'TORCHELASTIC_ERROR_FILE'  # torchrun's, for what a process has to say at its end
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
    'The image size in a batch should be the same': 'pictures of different sizes cannot be a batch in validation and '
    'tests: --cfg-options val_dataloader.batch_size=1 test_dataloader.batch_size=1',
    'stack expects each tensor to be equal size': 'pictures of different sizes cannot be a batch: crop them (RandomCrop), '
    'as large as model.data_preprocessor.size, which only enlarges smaller ones',
    'to be compatible with RGB or gray image': 'any number of bands is normalised by '
    'model.data_preprocessor.type=mmseg_vitseg.SegDataPreProcessor',
    **NO_COMPILER,
    'batch_size should be a positive integer': 'that of one of the loaders: --cfg-options train_dataloader.batch_size=1',
    'Seed must be between 0': 'that of randomness.seed',
    'persistent_workers option needs num_workers > 0': 'beside num_workers=0, write persistent_workers=False',
    'prefetch_factor option could only be specified in multiprocessing': 'beside num_workers=0, write prefetch_factor=None',
}

PARTS = ('mmseg_vitseg', 'mmseg', 'mmcv', 'mmengine', 'torch', 'numpy', 'rich', 'packaging')  # which all commands need
INSTALL = (
    'activate the environment that it is installed in (. .venv/bin/activate), or install it, in its clone: '
    "pip install -c requirements/tested.txt -e '.[onedl]'"
)


def fail(*messages: str) -> NoReturn:
    """End with status 2 and a line for each message; of several processes, torchrun gets the lines (launch.py)."""
    file = os.environ.get(ERROR_FILE)
    if not file or not leave_for_torchrun(Path(file), messages):
        who = f'rank {os.environ.get("RANK", 0)}: ' if are_several_processes() else ''
        print(*(f'error: {who}{message}' for message in messages), sep='\n', file=sys.stderr)
    sys.exit(2)


def leave_for_torchrun(file: Path, messages: tuple[str, ...]) -> bool:
    """Write messages where torchrun looks for them, in its form; tell whether that went well."""
    content = {'message': {'message': '\n'.join(messages), 'extraInfo': {'timestamp': str(int(time.time()))}}}
    try:
        file.write_text(json.dumps(content))  # which torchrun reads when the process has ended
    except OSError:
        return False
    return True


def error_line(error: Exception) -> str:
    """Return one line for an error; one that no check of ours foresaw keeps its traceback in a file."""
    if are_several_processes() and isinstance(error, RuntimeError) and PEER_GONE.search(str(error)):
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


def one_line(error: BaseException) -> str:
    """Return an error's message in one line; of one that a data loader's worker sent, the message of the original."""
    message = str(error)
    if message.startswith('Caught '):  # "Caught ValueError in DataLoader worker process 0.\nOriginal Traceback ..."
        message = re.split(r'^[\w.]*(?:Error|Exception): ', message, flags=re.MULTILINE)[-1]
    return ' '.join(message.split())
