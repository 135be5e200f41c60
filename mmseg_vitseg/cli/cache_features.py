"""Compute the features of a frozen backbone once, and keep them on a disk: the head then trains in seconds an epoch.

  python tools/cache_features.py configs/vit_small_linear_pet.py --leave-out PhotoMetricDistortion
  python tools/train.py work_dirs/vit_small_linear_pet/features/vit_small_linear_pet_cached.py

It writes the features of the training data and of the validation data, and a config beside them that trains on these. Cut
off, the same command goes on where it was.

The config needs a frozen backbone (frozen=True) and a pipeline without random steps, which would give other pictures each
time: --leave-out takes them out. A RandomFlip may stay: pictures are kept in each of its directions. The checkpoints hold
the backbone too: tools/test.py and tools/predict.py take them with the first config. Pictures, pipeline, backbone and
weights are compared before each training: what has changed is an error; --overwrite computes anew.
"""

import argparse
import shlex
from pathlib import Path

from mmseg_vitseg.cli.arguments import OneLineParser, add_config_arguments, add_device_argument
from mmseg_vitseg.cli.called import as_called, command_line
from mmseg_vitseg.cli.progress import shown_bars


def parse_args(arguments: list[str]) -> argparse.Namespace:
    parser = OneLineParser('cache_features', __doc__)
    add_config_arguments(parser)
    parser.add_argument(
        '--out',
        metavar='DIR',
        help="folder for the features and the config (default: work_dirs/<the config's name>/features)",
    )
    parser.add_argument(
        '--dtype',
        choices=('float32', 'float16'),
        default='float32',
        help='how features are kept: float16 takes half of the disk, and changes the numbers (default: float32)',
    )
    parser.add_argument(
        '--leave-out',
        nargs='+',
        default=[],
        metavar='STEP',
        help='types of random steps to take out of the training pipeline, e.g. PhotoMetricDistortion',
    )
    parser.add_argument('--overwrite', action='store_true', help='compute anew what is there already')
    add_device_argument(parser)
    return parser.parse_args(arguments)


def main(args: argparse.Namespace) -> None:
    from mmengine.config import Config

    from mmseg_vitseg.caching.caching import cache_features
    from mmseg_vitseg.config.reading import read_config
    from mmseg_vitseg.config.shipped import find_config

    cfg = read_config(args.config, args.cfg_options)
    file = find_config(args.config).resolve()
    with shown_bars() as bars:
        path = cache_features(
            cfg,
            Path(args.out or Path('work_dirs', Path(args.config).stem, 'features')),
            base=None if args.cfg_options or Config._is_lazy_import(str(file)) else file,
            command=command_line().replace(' --overwrite', ''),
            dtype=args.dtype,
            leave_out=args.leave_out,
            device=args.device,
            overwrite=args.overwrite,
            track=lambda batches, name, count: bars.track(batches, count, description=name),
            say=print,
        )
    print(as_called(f'Trains on them: python tools/train.py {shlex.quote(str(path))}'))
