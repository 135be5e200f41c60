"""Show two models side by side: image, truth, A, B, and where they differ, with the mean IoU of each picture.

  python tools/compare.py --a configs/fcn_pet.py fcn.pth --b configs/setr_pup_pet.py setr.pth --out fcn_setr.png
  python tools/compare.py --a CONFIG CHECKPOINT --b CONFIG CHECKPOINT --out differ.png photo.jpg

Without pictures it takes those of A's test data on which A and B differ most. Each model's config says how it reads them.
"""

import argparse
from functools import partial
from pathlib import Path

from mmseg_vitseg.cli.arguments import (
    OneLineParser,
    add_device_argument,
    add_options_argument,
    add_picture_argument,
    check_picture_name,
    positive,
)
from mmseg_vitseg.cli.loading import load
from mmseg_vitseg.cli.progress import shown_bars


def parse_args(arguments: list[str]) -> argparse.Namespace:
    parser = OneLineParser('compare', __doc__)
    for name in ('a', 'b'):
        parser.add_argument(
            f'--{name}',
            nargs=2,
            metavar=('CONFIG', 'CHECKPOINT'),
            required=True,
            help=f'config and checkpoint of model {name.upper()}',
        )
    add_picture_argument(parser, 'picture')
    parser.add_argument(
        'images',
        nargs='*',
        metavar='IMAGE',
        help='pictures to show; those of the test data have a truth',
    )
    parser.add_argument(
        '--count', type=positive, metavar='N', default=6, help='without IMAGE: how many pictures to show (default: 6)'
    )
    add_device_argument(parser)
    add_options_argument(parser)
    args = parser.parse_args(arguments)
    check_picture_name(parser, args.out)
    return args


def main(args: argparse.Namespace) -> None:
    from mmseg_vitseg.atomic import whole
    from mmseg_vitseg.config.datasets import classes_of
    from mmseg_vitseg.inference.comparing import check_classes, compare_most_different, compare_named, sheet

    a, b = (load(config, file, args) for config, file in (args.a, args.b))
    check_classes(a.cfg, b.cfg)
    names = titles(args.a, args.b)
    out = Path(args.out)
    lines = []

    def described(one):
        line = f'{one.name}  differ on {100 * one.disagreement:.1f} %'
        if one.truth is not None:
            for name, labels in zip(names, (one.a, one.b), strict=True):
                line += f'  {name} {one.m_iou(labels)}'
        lines.append(line)
        return one

    with shown_bars() as bars, whole(out) as temporary:
        found = (
            compare_named(a, b, args.images)
            if args.images
            else compare_most_different(a, b, args.count, partial(bars.track, description='comparing'))
        )
        sheet(map(described, found), classes_of(a.cfg)[1], names).save(temporary)
    print(*lines, out, sep='\n')


def titles(a: list[str], b: list[str]) -> tuple[str, str]:
    """Name two models, each a config and a checkpoint: by the config, and where that is one, by what tells them apart."""
    configs, files = ((Path(one).stem, Path(other).stem) for one, other in zip(a, b, strict=True))
    if configs[0] != configs[1]:
        return configs
    return files if files[0] != files[1] else ('A', 'B')
