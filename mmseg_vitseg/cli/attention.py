"""Show what a transformer looks at from one point of a picture, as one figure.

  python tools/attention.py configs/quickstart.py work_dirs/quickstart/epoch_7.pth photo.jpg --out attention.png

Its panels: the picture with the point; the attention of one layer, from the point to all places; attention rollout, what
has come to the point through all layers up to that one (of a ViT; SegFormer's layers have other tokens each); and the
layer's features, their first three principal components as red, green and blue.
"""

import argparse
from pathlib import Path

from mmseg_vitseg.cli.arguments import (
    OneLineParser,
    add_config_arguments,
    add_device_argument,
    add_picture_argument,
    check_picture_name,
)
from mmseg_vitseg.cli.loading import load
from mmseg_vitseg.cli.progress import shown_progress


def parse_args(arguments: list[str]) -> argparse.Namespace:
    parser = OneLineParser('attention', __doc__)
    add_config_arguments(parser, checkpoint=True)
    parser.add_argument('image', metavar='IMAGE', help='a picture, read as the config reads it')
    add_picture_argument(parser, 'figure')
    parser.add_argument(
        '--point',
        type=int,
        nargs=2,
        metavar=('X', 'Y'),
        help='column and row of the point, in pixels, from 0 (default: the middle)',
    )
    parser.add_argument(
        '--layer',
        type=int,
        default=-1,
        metavar='L',
        help="the backbone's layer, from 0; negative from the end (default: -1, the last)",
    )
    parser.add_argument(
        '--head', type=int, metavar='H', help='attention head of that layer, from 0 (default: the mean of all)'
    )
    add_device_argument(parser)
    args = parser.parse_args(arguments)
    check_picture_name(parser, args.out)
    return args


def main(args: argparse.Namespace) -> None:
    from mmseg_vitseg.atomic import whole
    from mmseg_vitseg.inspecting.figure import figure
    from mmseg_vitseg.inspecting.looking import look

    model = load(args.config, args.checkpoint, args)
    with shown_progress() as progress:
        progress(f'attention in {args.image}')
        seen = look(model, args.image, args.point, args.layer, args.head)
    with whole(Path(args.out)) as temporary:
        figure(seen.picture, seen.point, seen, args.head).save(temporary)
    if seen.rollout is None:
        print('no rollout: the layers of a MixVisionTransformer have other tokens each, which cannot be followed back')
    print(args.out)
