"""Describe a trained model on one HTML page that can be mailed, or opened on a phone, and needs no network.

  python tools/report.py configs/quickstart.py work_dirs/quickstart/epoch_7.pth --out report

It evaluates the checkpoint on the config's test data and writes report/report.html: scores (those of tools/test.py), IoU of
each class, confusion matrix, how far the model is as often right as it is sure (reliability and ECE), training curves from
the log beside the checkpoint, best and worst pictures, where the checkpoint comes from, the machine, the config.
"""

import argparse
from functools import partial
from pathlib import Path

from mmseg_vitseg.cli.arguments import OneLineParser, add_config_arguments, add_device_argument, add_folder_argument
from mmseg_vitseg.cli.loading import load
from mmseg_vitseg.cli.progress import shown_bars


def parse_args(arguments: list[str]) -> argparse.Namespace:
    parser = OneLineParser('report', __doc__)
    add_config_arguments(parser, checkpoint=True)
    add_folder_argument(parser, 'report.html goes: a folder, made if it is not there; an older report is replaced')
    parser.add_argument(
        '--count',
        type=int,
        metavar='N',
        default=6,
        help='how many of the best pictures are shown, and of the worst (default: 6 of each)',
    )
    add_device_argument(parser)
    args = parser.parse_args(arguments)
    if args.count < 0:
        parser.error(f'--count {args.count}: 0 or more is allowed')
    return args


def main(args: argparse.Namespace) -> None:
    from mmseg_vitseg.atomic import whole
    from mmseg_vitseg.inference.outputs.writer import make_folder
    from mmseg_vitseg.reporting.page import make_page

    out = Path(args.out)
    model = load(args.config, args.checkpoint, args)
    make_folder(out)  # or say that it cannot be, before the work
    with shown_bars() as bars:
        track = partial(bars.track, description='evaluating')
        page, scores = make_page(model, args.checkpoint, args.count, track)
    with whole(out / 'report.html') as temporary:
        temporary.write_text(page, encoding='utf-8')
    print('  '.join(f'{name} {value:.2f}' for name, value in scores.printed.items()))
    print(out / 'report.html')
