"""Convert a checkpoint: any public ViT, SETR, SegFormer or EoMT file to this package's names, or on to another project's.

  python tools/convert_checkpoint.py jx_vit_large_p16_384-b3be5167.pth vit_l.safetensors
  python tools/convert_checkpoint.py hf://nvidia/mit-b0 mit_b0.pth --config configs/segformer_b0_ade20k.py
  python tools/convert_checkpoint.py work_dirs/segformer_b0_pet/epoch_200.pth b0.safetensors --to hf
  python tools/convert_checkpoint.py dinov2_vits14.pth whole.pth --config configs/dinov2_s_linear_ade20k.py --head head.pth

A training needs no conversion: init_cfg=dict(type='Pretrained', checkpoint=FILE) and load_from=FILE read all of these files
by themselves. Converting is for checking a file before a training, for keeping it, and for other programs.

What kind of file it is is told from the names of its weights. Every weight has a place, or is on the list of what that kind
has and is not needed (the classifier, say); anything else is refused with the list, and nothing is written. The result says
where it came from.
"""

import argparse
from contextlib import nullcontext

from mmseg_vitseg.cli.arguments import OneLineParser, add_options_argument
from mmseg_vitseg.cli.progress import shown_progress

SOURCES = [
    'timm',
    'deit',
    'mae',
    'dinov2',
    'dinov3',
    'eomt',
    'hf',
    'mmseg',
    'mmpretrain',
    'torchvision',
    'jax',
    'setr',
    'segformer',
    'ours',
]


def parse_args(arguments: list[str]) -> argparse.Namespace:
    parser = OneLineParser('convert_checkpoint', __doc__)
    parser.add_argument(
        'src',
        metavar='SRC',
        help='file (.pth .pt .bin .safetensors .npz), index or folder of several, http(s)://..., or hf://owner/name',
    )
    parser.add_argument(
        'dst', metavar='DST', help='what to write: NAME.safetensors or NAME.pth; replaced where it exists'
    )
    add_reading(parser)
    add_fitting(parser)
    parser.add_argument(
        '--to',
        default='ours',
        choices=('ours', 'timm', 'hf', 'mmseg'),
        help='which project the result is for (default: ours)',
    )
    return parser.parse_args(arguments)


def add_reading(parser: OneLineParser) -> None:
    """Add how the file is read."""
    parser.add_argument(
        '--source',
        default='auto',
        choices=('auto', *SOURCES),
        help='which project the file comes from (default: auto, told from the names of its weights)',
    )
    parser.add_argument(
        '--base',
        metavar='FILE',
        help="the DINOv3 weights that SRC holds differences to, as the EoMT authors' files do: hf://owner/name, or a file",
    )
    parser.add_argument(
        '--container',
        metavar='KEYS',
        help='which weights, of a file that holds several models: the keys to them with dots between, such as student or '
        'model.trunk (default: averaged weights before others, a student last; said where there is a choice)',
    )
    parser.add_argument(
        '--prefix',
        metavar='PREFIX',
        help="what stands before the names of the model's weights in the file, such as student.backbone. (default: found)",
    )
    parser.add_argument(
        '--unsafe-unpickle',
        action='store_true',
        help='read a file that holds more than weights: it may run any code with your rights; only if you trust its author',
    )


def add_fitting(parser: OneLineParser) -> None:
    """Add the model that it is to fit."""
    parser.add_argument(
        '--config',
        metavar='CONFIG',
        help="check against this config's model, whole or backbone only as the file is, and resize positions to it",
    )
    add_options_argument(parser)
    parser.add_argument(
        '--head',
        metavar='FILE',
        help="a decode head's own file, as DINOv2's authors release it: with the backbone in SRC, the config's whole model",
    )
    parser.add_argument(
        '--resize-patches',
        action='store_true',
        help="resize the patch kernel to the config's patch size, as FlexiViT does (arXiv 2212.08013)",
    )
    parser.add_argument(
        '--adapt-channels',
        action='store_true',
        help="change the first kernel to the config's in_channels: one, the sum; several, repeated and scaled",
    )


def main(args: argparse.Namespace) -> None:
    from mmseg_vitseg.converting.convert import convert_file

    # a download shows its own
    with nullcontext(lambda text: None) if '://' in args.src else shown_progress() as progress:
        progress(f'reading {args.src}')
        report = convert_file(
            args.src,
            args.dst,
            source=args.source,
            base=args.base,
            config=args.config,
            cfg_options=args.cfg_options,
            head=args.head,
            to=args.to,
            resize_patches=args.resize_patches,
            adapt_channels=args.adapt_channels,
            unpickle=args.unsafe_unpickle,
            container=args.container,
            prefix=args.prefix,
        )
    for name, value in report.items():
        if value:
            print(f'{name}: {value}')
    print(f'{args.dst} is written')
