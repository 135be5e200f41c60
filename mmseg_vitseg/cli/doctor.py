"""Look over what is installed here, and test it in seconds: a screen to read, and to copy into an issue.

The test compares small models with MMSegmentation's own, from the same weights: logits, labels, losses and gradients, on
the CPU and on the GPU where there is one. Exit status: 0 all commands work, though optional things may be missing; 1
something has to be done first.

  mmseg-vitseg doctor
  mmseg-vitseg doctor --quick
"""

import argparse
import json
import sys
import textwrap
import time
from collections.abc import Iterator

from mmseg_vitseg.cli.arguments import OneLineParser
from mmseg_vitseg.cli.installed import (
    FINE,
    OPTIONAL,
    WRONG,
    Line,
    data,
    device,
    downloads,
    extras,
    host,
    operators,
    temporary_files,
    versions,
)
from mmseg_vitseg.cli.progress import shown_progress

COLUMNS = 80


def parse_args(arguments: list[str]) -> argparse.Namespace:
    parser = OneLineParser('doctor', __doc__)
    parser.add_argument('--quick', action='store_true', help='leave the test out')
    parser.add_argument('--json', action='store_true', help='print one line of JSON instead')
    return parser.parse_args(arguments)


def main(args: argparse.Namespace) -> None:
    here = [*versions(), host(), operators(), device()]
    others, roots = list(extras()), list(data())
    folders = [temporary_files(), *downloads()]
    tests = [] if args.quick else list(self_tests(here))
    lines = [*here, *others, *roots, *folders, *tests]
    if args.json:
        print(json.dumps([line._asdict() for line in lines]))
    else:
        set_root = 'NAME=FOLDER says where one is'
        shown = [*here, *joined('extras', FINE, others), *joined('data sets', OPTIONAL, roots, set_root)]
        print(*map(as_text, [*shown, *folders, *tests]), sep='\n')
    if any(line.state == WRONG for line in lines):
        sys.exit(1)


def as_text(line: Line) -> str:
    """Return a line as lines of a screen."""
    begin = f'{line.state:9}{line.name:15} '
    text = f'{line.found}; {line.do}' if line.do else line.found
    return textwrap.fill(text, COLUMNS, initial_indent=begin, subsequent_indent=' ' * 25, break_on_hyphens=False)


def joined(name: str, state: str, lines: list[Line], do: str = '') -> list[Line]:
    """Return lines with those in one state as a single one, of their names."""
    names = ', '.join(line.name for line in lines if line.state == state)
    here = 'not here: ' if state == OPTIONAL else ''
    return [*([Line(name, state, here + names, do)] if names else []), *(one for one in lines if one.state != state)]


def self_tests(before: list[Line]) -> Iterator[Line]:
    """Compare small models with the host's, where both can be imported."""
    if wrong := [line.name for line in before if line.state == WRONG]:
        yield Line('self-test', OPTIONAL, f'not run, for want of {", ".join(wrong)}')
        return
    try:
        from mmseg_vitseg.cli.starting import import_host

        import_host()
        import torch
        from mmengine.logging import MMLogger

        from mmseg_vitseg.benchmark.self_test import MODELS, self_test
    except Exception as error:  # whatever a library raises when it is imported
        yield Line('self-test', WRONG, f'not run: {type(error).__name__}: {error}')
        return
    MMLogger.get_current_instance().setLevel('WARNING')
    for name in ['cpu', 'cuda'] if torch.cuda.is_available() else ['cpu']:
        begin = time.perf_counter()
        with shown_progress() as progress:
            progress(f'testing on {name}')
            wrong = list(self_test(name))
        if wrong:
            yield Line(f'self-test {name}', WRONG, '; '.join(wrong), 'report it, with this screen')
        else:
            equal = f"{' and '.join(MODELS)}: predictions, losses and gradients equal MMSegmentation's"
            yield Line(f'self-test {name}', FINE, f'{equal} ({time.perf_counter() - begin:.0f} s)')
