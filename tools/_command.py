"""What the tools share: a user's mistake is one line on stderr and exit status 2, an interruption 130."""

import argparse
import contextlib
import os
import re
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

TRACEBACK = 'MMSEG_VITSEG_TRACEBACK'

# On a CPU torch keeps 1024 of each kind of kernel, one for each size of input. Pictures of many sizes fill that with
# hundreds of MB, and the heap falls to pieces between them; a model at one size has some dozens.
KERNELS = {'LRU_CACHE_CAPACITY': '128', 'ONEDNN_PRIMITIVE_CACHE_CAPACITY': '128'}

# What the host says about itself whenever it is used, and a user can do nothing about.
HOST_WARNINGS = (
    'Fail to import ``MultiScaleDeformableAttention``',
    'Default ``avg_non_ignore`` is False',
    '``build_loss`` would be deprecated',
    '`reduce_zero_label` will be deprecated',
    'The shape of value will convert',
)


def run(main: Callable[[], None]) -> None:
    """Run a tool's ``main``; it imports what is heavy by itself, so that ``--help`` is quick and a bad install is caught."""
    for message in HOST_WARNINGS:
        warnings.filterwarnings('ignore', message=message)
    try:
        main()
    except KeyboardInterrupt:
        print('\nInterrupted. Checkpoints written so far are whole; train.py --resume goes on.', file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        if os.environ.get('RANK', '0') == '0':  # of several processes, one speaks
            print(f'error: {describe(error)}', file=sys.stderr)
        sys.exit(2)


def keep_few_kernels() -> None:
    """Have torch keep no more than KERNELS says, unless the environment does; to be called before it is imported."""
    for name, capacity in KERNELS.items():
        os.environ.setdefault(name, capacity)


def describe(error: Exception) -> str:
    """Return one line for an error; one that no check of ours foresaw keeps its traceback in a file."""
    unknown_type = isinstance(error, KeyError) and 'registry. Please check' in str(error)  # mmengine's
    if unknown_type or isinstance(error, (ValueError, OSError, ImportError)):
        return f'{one_line(error)}  [{TRACEBACK}=1 shows where]'
    with tempfile.NamedTemporaryFile('w', prefix='mmseg_vitseg-', suffix='.txt', delete=False) as file:
        traceback.print_exception(error, file=file)
    return f'{type(error).__name__}: {one_line(error)}  [where: {file.name}]'


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line, as the tools' other errors; its help keeps the lines of the tool's docstring."""

    def __init__(self, description: str):
        super().__init__(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)

    def error(self, message: str):
        """Exit with status 2."""
        self.exit(2, f'error: {message}; see {self.prog} --help\n')


def add_config_arguments(parser: argparse.ArgumentParser, checkpoint: bool = False) -> None:
    """Add what every tool on a config takes."""
    parser.add_argument('config', help='config file, such as configs/quickstart.py')
    if checkpoint:
        parser.add_argument('checkpoint', help='checkpoint file, such as work_dirs/quickstart/epoch_12.pth')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=KeyValues,
        metavar='KEY=VALUE',
        help='override settings of the config, e.g. train_dataloader.batch_size=4 model.backbone.init_cfg=None',
    )
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='what started the processes (set by dist_train.sh, dist_test.sh and slurm_train.sh)',
    )
    parser.add_argument('--local-rank', '--local_rank', type=int, help=argparse.SUPPRESS)  # some launchers pass it


def check_picture_name(parser: OneLineParser, out: str) -> None:
    """Refuse an --out that names no picture."""
    if Path(out).suffix.lower() not in ('.png', '.jpg', '.jpeg', '.webp'):
        parser.error(f'--out {out}: name a picture, such as out.png')


def positive(text: str) -> int:
    """Read a number of at least 1, as ``type=`` of an argument."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'{text}; at least 1 is needed')
    return value


class KeyValues(argparse.Action):
    """The host's reading of KEY=VALUE, imported when it is used: --help works without the host."""

    def __call__(self, parser, namespace, values, option_string=None):
        from mmengine.config import DictAction

        if wrong := [value for value in values if not value.partition('=')[0] or '=' not in value]:
            parser.error(f'{option_string}: {wrong[0]!r} is not KEY=VALUE')
        DictAction([option_string], self.dest)(parser, namespace, values, option_string)


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
