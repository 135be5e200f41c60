"""Show what a transformer looks at from one point of a picture, as one figure.

Its panels: the picture with the point; the attention of one layer, from the point to all places; attention rollout, what
has come to the point through all layers up to that one (of a ViT; SegFormer's layers have other tokens each); and the
layer's features, their first three principal components as red, green and blue.

  python tools/attention.py configs/quickstart.py work_dirs/quickstart/epoch_7.pth photo.jpg --out attention.png
"""

import argparse
from pathlib import Path

from _command import OneLineParser, add_config_arguments, check_picture_name, run


def parse_args() -> argparse.Namespace:
    parser = OneLineParser(__doc__)
    add_config_arguments(parser, checkpoint=True)
    parser.add_argument('image', metavar='IMAGE', help='a picture')
    parser.add_argument('--out', metavar='FILE.png', required=True, help='the figure to write')
    parser.add_argument('--point', type=int, nargs=2, metavar=('X', 'Y'), help='column and row (default: the middle)')
    parser.add_argument('--layer', type=int, default=-1, metavar='L', help='from 0; -1, the default, is the last')
    parser.add_argument('--head', type=int, metavar='H', help='from 0 (default: the mean of all heads)')
    parser.add_argument('--device', help='cpu, cuda, cuda:1 ... (default: the GPU where there is one)')
    args = parser.parse_args()
    check_picture_name(parser, args.out)
    return args


def main() -> None:
    args = parse_args()
    from mmseg_vitseg.atomic import whole
    from mmseg_vitseg.inference.model import load_model
    from mmseg_vitseg.inference.pictures import read_picture
    from mmseg_vitseg.inspecting.figure import figure
    from mmseg_vitseg.inspecting.looking import look

    picture = read_picture(args.image)
    point = args.point or (picture.shape[1] // 2, picture.shape[0] // 2)
    model = load_model(args.config, args.checkpoint, args.device, args.cfg_options)
    seen = look(model, picture, point, args.layer, args.head)
    with whole(Path(args.out)) as temporary:
        figure(picture, point, seen, args.head).save(temporary)
    if seen.rollout is None:
        print('no rollout: the layers of a MixVisionTransformer have other tokens each, which cannot be followed back')
    print(args.out)


if __name__ == '__main__':
    run(main)
