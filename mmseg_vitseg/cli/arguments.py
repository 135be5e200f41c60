"""The commands' arguments: what several take, in the same words."""

import argparse
from pathlib import Path

from mmseg_vitseg.cli.called import as_called, program
from mmseg_vitseg.cli.one_line_errors import fail


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line, as all errors of commands; its help keeps the lines of the command's docstring.

    Args:
        name: of the command.
        description: its docstring; the examples in it are shown as they are to be typed.
    """

    def __init__(self, name: str, description: str):
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(prog=program(name), description=description, formatter_class=formatter)

    def format_help(self) -> str:
        """Return the help."""
        return as_called(super().format_help())

    def error(self, message: str):
        """Exit with status 2."""
        fail(f'{message}; see {self.prog} --help')


class KeyValues(argparse.Action):
    """The host's reading of KEY=VALUE, imported when it is used: --help works without the host."""

    def __call__(self, parser, namespace, values, option_string=None):
        """Read them, or say which is none."""
        from mmengine.config import DictAction

        if wrong := [value for value in values if not value.partition('=')[0] or '=' not in value]:
            parser.error(f'{option_string}: {wrong[0]!r} is not KEY=VALUE')
        DictAction([option_string], self.dest)(parser, namespace, values, option_string)


def positive(text: str) -> int:
    """Read a number of at least 1, as ``type=`` of an argument."""
    return whole_number(text, least=1)


def seed(text: str) -> int:
    """Read a number that random draws follow from, as ``type=`` of an argument."""
    return whole_number(text, most=2**32 - 1)  # numpy's


def whole_number(text: str, least: int = 0, most: int | None = None) -> int:
    """Read a whole number, or say which are allowed."""
    allowed = f'at least {least} is needed' if most is None else f'allowed: {least} to {most}'
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f'{text!r} is not a whole number; {allowed}') from None
    if value < least or (most is not None and value > most):
        raise argparse.ArgumentTypeError(f'{text}; {allowed}')
    return value


def add_config_arguments(parser: OneLineParser, checkpoint: bool = False) -> None:
    """Add what every command on a config takes."""
    parser.add_argument(
        'config',
        metavar='CONFIG',
        help='config file, or the name of one that comes with this package, such as quickstart',
    )
    if checkpoint:
        parser.add_argument(
            'checkpoint', metavar='CHECKPOINT', help='checkpoint file, such as work_dirs/quickstart/epoch_7.pth'
        )
    add_options_argument(parser)


def add_options_argument(parser: OneLineParser) -> None:
    """Add changes to the config."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=KeyValues,
        metavar='KEY=VALUE',
        help='change settings of the config, e.g. train_dataloader.batch_size=4 model.backbone.init_cfg=None',
    )


def add_runner_arguments(parser: OneLineParser) -> None:
    """Add what a command takes that runs the host's Runner."""
    add_launcher_argument(parser)
    parser.add_argument(
        '--work-dir',
        metavar='DIR',
        help="where checkpoints, logs and pictures go (default: the config's work_dir, or work_dirs/<the config's name>)",
    )


def add_launcher_argument(parser: OneLineParser) -> None:
    """Add what scripts tell a command that several processes of it run."""
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='what starts the processes, where there are several (default: none); dist_train.sh and the like set it',
    )
    parser.add_argument('--local-rank', '--local_rank', type=int, help=argparse.SUPPRESS)  # some launchers pass it


def add_device_argument(parser: OneLineParser) -> None:
    """Add where a model runs."""
    parser.add_argument(
        '--device',
        metavar='NAME',
        help='where the model runs: cpu, cuda, cuda:1 ... (default: the GPU where there is one)',
    )


def add_matmul_precision_argument(parser: OneLineParser, default: str) -> None:
    """Add how precise products of float32 matrices are."""
    parser.add_argument(
        '--float32-matmul-precision',
        metavar='highest|high|medium',
        help='how precise linear layers and attention are in float32 (torch.set_float32_matmul_precision): on a GPU with '
        'tensor cores high and medium are faster, and change the numbers, on a new CPU maybe too (docs/gpus.md; '
        f'default: {default})',
    )


def add_folder_argument(parser: OneLineParser, what: str) -> None:
    """Add ``--out``, a folder for results."""
    parser.add_argument('--out', metavar='DIR', required=True, help=f'where {what}')


def add_shape_argument(parser: OneLineParser, what: str, default: tuple[int, int] | None = None) -> None:
    """Add ``--shape``, a height and a width."""
    parser.add_argument(
        '--shape', nargs=2, type=positive, metavar=('H', 'W'), default=default, help=f'height and width of {what}'
    )


def add_picture_argument(parser: OneLineParser, what: str) -> None:
    """Add ``--out``, a picture to write."""
    parser.add_argument('--out', metavar='FILE.png', required=True, help=f'the {what} to write')


def check_picture_name(parser: OneLineParser, out: str) -> None:
    """Refuse an --out that names no picture."""
    if Path(out).suffix.lower() not in ('.png', '.jpg', '.jpeg', '.webp'):
        parser.error(f'--out {out}: name a picture, such as out.png')
