"""List the configs that come with this package, by the names that every command takes, or copy them to change them.

mmseg-vitseg configs
mmseg-vitseg configs --copy my_configs
"""

import argparse
import ast
import shutil
from pathlib import Path

from mmseg_vitseg.cli.arguments import OneLineParser
from mmseg_vitseg.config.shipped import FOLDER


def parse_args(arguments: list[str]) -> argparse.Namespace:
    parser = OneLineParser('configs', __doc__)
    parser.add_argument(
        '--copy', metavar='DIR', type=Path, help='copy all of them there, with what they are based on; replaces nothing'
    )
    return parser.parse_args(arguments)


def main(args: argparse.Namespace) -> None:
    if args.copy is None:
        list_configs()
    else:
        copy_configs(args.copy)


def list_configs() -> None:
    """Print each config's name and the first line of its docstring."""
    files = sorted(FOLDER.glob('*.py'))
    width = max(len(file.stem) for file in files)
    for file in files:
        text = ast.get_docstring(ast.parse(file.read_text(encoding='utf-8'))) or ''
        print(f'{file.stem:{width}}  {text.partition(chr(10))[0]}')


def copy_configs(folder: Path) -> None:
    """Copy all configs.

    Raises:
        FileExistsError: one of the files is there already; nothing is copied.
    """
    files = [file.relative_to(FOLDER) for file in sorted(FOLDER.rglob('*.py'))]
    if present := [folder / file for file in files if (folder / file).exists()]:
        raise FileExistsError(f'{present[0]}: is there already; nothing is copied. Name another folder')
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(FOLDER / file, folder / file)
    print(f'{len(files)} files are in {folder}; mmseg-vitseg train {folder / "quickstart.py"}')
