"""The command ``mmseg-vitseg NAME ...``, and its commands; ``python tools/NAME.py ...`` of a clone runs the same."""

import importlib
import sys

from mmseg_vitseg import __version__
from mmseg_vitseg.cli.arguments import OneLineParser
from mmseg_vitseg.cli.ending import run
from mmseg_vitseg.cli.progress import shown_progress
from mmseg_vitseg.cli.starting import import_host, keep_few_kernels
from mmseg_vitseg.errors import meant

# Each is a module of its name in this folder, with parse_args(arguments) and main(args).
COMMANDS = dict(
    train='train a model from a config',
    cache_features='compute the features of a frozen backbone once, to train heads on',
    test='evaluate a checkpoint on the test data of its config',
    predict='predict pictures, folders and videos',
    report='describe a trained model on one HTML page',
    compare='show two models side by side, and where they differ',
    attention='show what a transformer looks at from a point of a picture',
    launch='run a command in several processes, one a GPU: torchrun',
    doctor='look over what is installed here, and say what to do',
    configs='list the configs that come with this package, or copy them',
    check_config='find the mistakes in a config that would cost a training',
    upgrade_config="rewrite a config of MMSegmentation's with our types",
    prepare_pet='fetch and check the data set Oxford-IIIT Pet',
    convert_checkpoint="convert a checkpoint to our names, or to another project's",
    export='export a model to ONNX, TorchScript or torch.export',
    benchmark='measure the time and memory of models, side by side',
)
WITHOUT_HOST = ('configs', 'doctor', 'launch')
OF_MANY_SIZES = ('test', 'predict', 'report', 'compare')  # the pictures that these read


def main() -> None:
    """Run the command that the command line of ``mmseg-vitseg`` names."""
    run(lambda: call(*chosen_command(sys.argv[1:])))


def run_tool(name: str) -> None:
    """Run one command, as a clone's ``tools/NAME.py`` does: all of the command line is its arguments."""
    run(lambda: call(name, sys.argv[1:]))


def chosen_command(arguments: list[str]) -> tuple[str, list[str]]:
    """Return the command that is named, and its arguments."""
    lines = '\n'.join(f'  {name:20}{line}' for name, line in COMMANDS.items())
    parser = OneLineParser(
        '',
        'Transformers for segmentation: train, test and use them. To begin with: mmseg-vitseg train quickstart\n\n'
        f'commands (mmseg-vitseg NAME --help explains each):\n{lines}',
    )
    parser.usage = '%(prog)s [-h] [--version] NAME ...'
    parser.add_argument('name', metavar='NAME', help='the command; what follows is for it')
    parser.add_argument('--version', action='version', version=f'mmseg_vitseg {__version__}')
    args = parser.parse_args(arguments[:1])
    if args.name not in COMMANDS:
        near = meant(args.name, list(COMMANDS), cutoff=0.6)
        parser.error(f'{args.name}: no such command' + (f'; did you mean {near!r}?' if near else ''))
    return args.name, arguments[1:]


def call(name: str, arguments: list[str]) -> None:
    """Read a command's arguments, of which bad ones never wait for the host, and do its work."""
    command = importlib.import_module(f'mmseg_vitseg.cli.{name}')
    if name in OF_MANY_SIZES:
        keep_few_kernels()
    args = command.parse_args(arguments)
    if name not in WITHOUT_HOST:
        with shown_progress(alone=True) as progress:
            progress('starting')
            import_host()
    command.main(args)
