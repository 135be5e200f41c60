"""Export a trained model to one file that runs without this package: ONNX, TorchScript or torch.export.

  python tools/export.py configs/quickstart.py work_dirs/quickstart/epoch_7.pth --format onnx --out quickstart.onnx --verify

The file takes pictures as they are: float32 (batch, 3, height, width), RGB, 0 to 255, or of other channels as the config's
loading step gives them. It normalises them, and returns logits of their size, or with --argmax the class of each pixel. It
takes any batch and any size, unless --fixed-size. What else the config's test pipeline does, reading and resizing pictures,
say, is not in the file: its metadata says what that is, and names the classes.

A file that --verify finds to disagree with the model is not written. A model of more than 1.5 GB does not fit into an ONNX
file: its weights are in a second one, FILE.data, which has to stay beside it.
"""

import argparse

from mmseg_vitseg.cli.arguments import OneLineParser, add_config_arguments, add_shape_argument, positive
from mmseg_vitseg.cli.progress import shown_progress

FORMATS = ('onnx', 'torchscript', 'pt2')


def parse_args(arguments: list[str]) -> argparse.Namespace:
    parser = OneLineParser('export', __doc__)
    add_config_arguments(parser, checkpoint=True)
    parser.add_argument(
        '--format',
        required=True,
        choices=FORMATS,
        help='onnx; torchscript, for C++ too; or pt2, of torch.export. onnx needs the extra [export]',
    )
    parser.add_argument(
        '--out', required=True, metavar='FILE', help='the file to write: NAME.onnx, NAME.pt (TorchScript) or NAME.pt2'
    )
    parser.add_argument(
        '--verify',
        action='store_true',
        help='run the file and compare it with the model, on random and on drawn pictures of two sizes and batches',
    )
    parser.add_argument(
        '--argmax',
        action='store_true',
        help='the file returns the class of each pixel, int64 (batch, height, width), not logits',
    )
    add_shape_argument(
        parser,
        "the pictures that --verify runs, or of all that the file takes with --fixed-size (default: the config's)",
    )
    parser.add_argument(
        '--fixed-size', action='store_true', help='the file takes pictures of --shape only, in batches of any size'
    )
    parser.add_argument(
        '--opset',
        type=positive,
        metavar='N',
        help="version of ONNX's operators to write, for programs that read older ones only (default: 18)",
    )
    parser.add_argument('--force', action='store_true', help='replace FILE if it exists')
    args = parser.parse_args(arguments)
    if args.opset and args.format != 'onnx':
        parser.error(f'--opset is for --format onnx, not {args.format}')
    return args


def main(args: argparse.Namespace) -> None:
    from mmseg_vitseg.exporting.export import export_file

    with shown_progress() as progress:
        exported = export_file(
            args.config,
            args.checkpoint,
            args.out,
            args.format,
            options=args.cfg_options,
            shape=args.shape,
            labels=args.argmax,
            fixed=args.fixed_size,
            opset=args.opset,
            check=args.verify,
            overwrite=args.force,
            on_step=progress,
        )
    for finding in exported.findings:
        print(f'verified: {finding}')
    for name, text in exported.description.items():
        if name not in ('input', 'output'):
            print(f'{name}: {text}')
    size, *more = (f'{file.stat().st_size / 1e6:.1f} MB' for file in exported.files)
    beside = f', with its weights beside it in {exported.files[1]}, {more[0]}: keep the two together' if more else ''
    says = f'{exported.description["input"]}; {exported.description["output"]}'
    print(f'{args.out} is written, {size}{beside}; {says}')
