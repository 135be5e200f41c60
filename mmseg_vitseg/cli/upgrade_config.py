"""Rewrite a config of MMSegmentation's with this project's types where there are any: backbone, neck, heads, segmentor.

  python tools/upgrade_config.py path/to/setr_vit-l_pup_8xb2-160k_ade20k-512x512.py my_setr.py

All else is kept. It says what changed and why, then builds both models with the same random weights and compares what they
predict.
"""

import argparse
from pathlib import Path

from mmseg_vitseg.cli.arguments import OneLineParser, add_shape_argument
from mmseg_vitseg.cli.progress import shown_progress


def parse_args(arguments: list[str]) -> argparse.Namespace:
    parser = OneLineParser('upgrade_config', __doc__)
    parser.add_argument('config', metavar='HOST_CONFIG', help="the config to rewrite: MMSegmentation's, or your own")
    parser.add_argument('out', metavar='OUT', help='where the new config goes: a file that ends in .py')
    parser.add_argument('--force', action='store_true', help='write over a file that is there')
    parser.add_argument('--no-check', action='store_true', help='do not build the models and compare them')
    add_shape_argument(parser, 'the picture that they are compared on (default: 512 512)', default=(512, 512))
    return parser.parse_args(arguments)


def main(args: argparse.Namespace) -> None:
    from mmengine.logging import MMLogger

    from mmseg_vitseg.atomic import whole
    from mmseg_vitseg.config.reading import read_config
    from mmseg_vitseg.upgrading.rewriting import upgrade_config

    MMLogger.get_current_instance().setLevel('WARNING')
    out = Path(args.out)
    if out.suffix != '.py':
        raise ValueError(f'{out}: name a file that ends in .py, as configs do')
    if out.exists() and not args.force:
        raise FileExistsError(f'{out}: is there already; --force writes over it')
    if not out.resolve().parent.is_dir():
        raise FileNotFoundError(f'{out}: its folder does not exist; make it first')
    cfg, said = upgrade_config(read_config(args.config))
    with whole(out) as temporary:
        cfg.dump(temporary)
    print('\n'.join(said))
    if not args.no_check:
        compare_models(args.config, str(out), tuple(args.shape))
    print(f'Written: {out}')


def compare_models(host: str, ours: str, shape: tuple[int, int]) -> None:
    """Compare the two configs' models as they are written."""
    from mmseg_vitseg.benchmark.differences import compare_configs

    with shown_progress() as progress:
        progress(f'comparing the two models on a picture of {shape[0]} x {shape[1]}')
        result = compare_configs(ours, host, shape)
    if result.other_failed:
        raise ValueError(
            f'{ours}: written, but not compared: the old one fails too, on a picture of {shape[0]} x {shape[1]}: '
            f'{result.note}; --shape H W takes another size, --no-check compares nothing'
        )
    if not result.equal:
        raise ValueError(
            f'{ours}: written, but its model does not predict what the old one does: '
            f'{result.note or f"logits differ by up to {result.max_abs_diff:.1e}"}'
        )
    print(
        f'Same random weights, same random image of {shape[0]} x {shape[1]}: logits differ by at most '
        f'{result.max_abs_diff:.1e}, {result.labels_agree:.2%} of the labels are the same.'
    )
