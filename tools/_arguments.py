"""The tools' command lines: what several take, in the same words."""

import argparse
import contextlib
from io import StringIO
from pathlib import Path

from _command import fail

HOST_LINES = ('Could not import OneDL',)  # what it prints while it is imported, of a service of its makers
WORK_DIR = "where checkpoints, logs and pictures go (default: the config's work_dir, or work_dirs/<the config's name>)"


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line, as the tools' other errors; its help keeps the lines of the tool's docstring.

    Once a command line is read, work begins: it imports the host, without what the host prints about itself.
    """

    def __init__(self, description: str):
        super().__init__(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)

    def parse_args(self, *args, **kwargs):
        """Read the command line; a bad one never waits for the host."""
        parsed = super().parse_args(*args, **kwargs)
        import_host()
        return parsed

    def error(self, message: str):
        """Exit with status 2."""
        fail(f'{message}; see {self.prog} --help')


def import_host() -> None:
    """Import MMSegmentation, and leave out the lines that it prints each time; if it is not there, what needs it says so."""
    with contextlib.suppress(ImportError):
        from mmengine.logging import MMLogger

        MMLogger.get_current_instance()  # writes to what is stdout when it is made, so not to what follows
        with contextlib.redirect_stdout(StringIO()) as said:
            import mmseg.datasets  # noqa: F401
        for line in said.getvalue().splitlines():
            if line not in HOST_LINES:
                print(line)


def add_config_arguments(parser: argparse.ArgumentParser, checkpoint: bool = False) -> None:
    """Add what every tool on a config takes."""
    parser.add_argument('config', metavar='CONFIG', help='config file, such as configs/quickstart.py')
    if checkpoint:
        parser.add_argument(
            'checkpoint', metavar='CHECKPOINT', help='checkpoint file, such as work_dirs/quickstart/epoch_7.pth'
        )
    add_options_argument(parser)


def add_options_argument(parser: argparse.ArgumentParser) -> None:
    """Add changes to the config."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=KeyValues,
        metavar='KEY=VALUE',
        help='change settings of the config, e.g. train_dataloader.batch_size=4 model.backbone.init_cfg=None',
    )


def add_device_argument(parser: argparse.ArgumentParser) -> None:
    """Add where a model runs."""
    parser.add_argument('--device', help='cpu, cuda, cuda:1 ... (default: the GPU where there is one)')


def add_launcher_argument(parser: argparse.ArgumentParser) -> None:
    """Add what scripts tell a tool that several processes of it run."""
    parser.add_argument(
        '--launcher',
        choices=('none', 'pytorch', 'slurm', 'mpi'),
        default='none',
        help='what started the processes (default: none, there is one; dist_train.sh and the like set it)',
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
