"""Get Oxford-IIIT Pet: fetch the archives (0.8 GB), verify their sums, unpack them, check every pair of image and mask.

  python tools/prepare_pet.py --out data/oxford-iiit-pet
  PET_ROOT=data/oxford-iiit-pet python tools/train.py configs/vit_tiny_linear_pet.py

Cut off, the same command goes on where it was.
"""

import argparse
from pathlib import Path

from mmseg_vitseg.cli.arguments import OneLineParser


def parse_args(arguments: list[str]) -> argparse.Namespace:
    parser = OneLineParser('prepare_pet', __doc__)
    parser.add_argument(
        '--out',
        required=True,
        type=Path,
        metavar='DIR',
        help='the folder to make; configs look for it at data/oxford-iiit-pet, or where PET_ROOT says',
    )
    parser.add_argument(
        '--archives',
        type=Path,
        metavar='DIR',
        help='folder that has images.tar.gz and annotations.tar.gz already: nothing is fetched',
    )
    parser.add_argument(
        '--url', metavar='URL', help="another place to fetch the archives from (default: the authors' site)"
    )
    return parser.parse_args(arguments)


def main(args: argparse.Namespace) -> None:
    from mmseg_vitseg.datasets.pet_archives import URL, prepare_pet

    left_out = prepare_pet(args.out, archives=args.archives, url=args.url or URL)
    for name, reason in left_out.items():
        print(f'left out: {name}: {reason}')
    print(f'{args.out} is ready ({len(left_out)} damaged pairs left out): PET_ROOT={args.out}')
