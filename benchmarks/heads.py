"""Heads side by side: one pretrained ViT-S/14, one number of steps, one augmentation, scores at the pictures' own size.

  PRETRAINED=FILE PET_ROOT=DIR CAMVID_ROOT=DIR python benchmarks/heads.py --out DIR
  ... --data pet --heads eomt,setr_pup --seeds 0,1,2           some of it
  ... --rates 5e-4,2e-3,5e-3                                   instead: which learning rate suits each head
  ... --table                                                  no training: the tables and the figure of what is there

Each training is tools/train.py on a config that is written beside its log, DIR/DATA_HEAD_SEED/config.py. What is done is not
done again, and an interrupted training goes on after its last epoch: start the same command anew. DIR/rows.jsonl has the
scores, DIR/costs_DATA.json what tools/benchmark.py measured of all heads in turn, DIR/table.md and DIR/heads.png both.

With --rates each head trains on five sixths of the training pictures at each rate of its own parameters, and is scored on
the others; DIR/rates.md has the scores. The rates in heads_configs.py were chosen so.
"""

import argparse
import json
import os
import sys
from functools import partial
from itertools import product

from heads_configs import DATA, HEADS, composed
from heads_tables import draw, measure_costs, rates_table, tables
from trainings import add_arguments, add_names, rows_in, trained


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser)
    add_names(parser, '--data', DATA)
    add_names(parser, '--heads', HEADS)
    parser.add_argument('--seeds', default='0', metavar='N,...', help='(default: 0)')
    parser.add_argument('--rates', metavar='RATE,...', help='learning rates of the heads to choose from')
    parser.add_argument('--epochs', type=int, default=4, metavar='N', help='of each training (default: 4)')
    args = parser.parse_args()
    args.seeds = [int(seed) for seed in args.seeds.split(',')]
    args.rates = [float(rate) for rate in args.rates.split(',')] if args.rates else [None]
    missing = [
        name for name in ('PRETRAINED', *(f'{name.upper()}_ROOT' for name in args.data)) if name not in os.environ
    ]
    if missing and not args.table:
        parser.error(f'{", ".join(missing)} not set; docs/weights_and_data.md says where to get weights and data')
    return args


def main() -> int:
    """Return the exit status."""
    args = parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    choosing = args.rates != [None]
    whole = True
    if not args.table:
        for seed, data, head, rate in product(args.seeds, args.data, args.heads, args.rates):
            whole &= train(data, head, seed, rate, args)
        if not choosing:
            for data in args.data:
                measure_costs(args.out, data, args.heads, args.threads)
    rows = rows_in(args.out)
    if choosing:
        (args.out / 'rates.md').write_text('\n'.join(rates_table(rows)))
    else:
        rows = [row for row in rows if not row['rate']]
        (args.out / 'rows.jsonl').write_text(''.join(f'{json.dumps(row)}\n' for row in rows))
        (args.out / 'table.md').write_text('\n'.join(tables(args.out, rows)))
        draw(args.out, rows)
    print((args.out / ('rates.md' if choosing else 'table.md')).read_text())
    return int(not whole)


def train(data: str, head: str, seed: int, rate: float | None, args: argparse.Namespace) -> bool:
    """Train a head, or go on with it; return whether there is a row."""
    return trained(
        args.out / (f'{data}_{head}_{seed}' + (f'_rate_{rate:g}' if rate else '')),
        partial(composed, data, head, args.epochs, rate),
        args,
        f'python benchmarks/heads.py --out DIR --data {data} --heads {head} --seeds {seed} --epochs {args.epochs}'
        + (f' --rates {rate:g}' if rate else ''),
        seed,
        data=data,
        head=head,
        title=HEADS[head].title,
        rate=rate,
        epochs=args.epochs,
    )


if __name__ == '__main__':
    sys.exit(main())
