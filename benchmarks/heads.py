"""Heads side by side: one pretrained ViT-S/14, one number of steps, one augmentation, scores at the pictures' own size.

  PRETRAINED=FILE PET_ROOT=DIR CAMVID_ROOT=DIR python benchmarks/heads.py --out DIR
  ... --data pet --heads eomt,setr_pup --seeds 0,1,2           some of it
  ... --table                                                  no training: the tables and the figure of what is there

Each training is tools/train.py on a config that is written beside its log, DIR/DATA_HEAD_SEED/config.py. What is done is not
done again, and an interrupted training goes on after its last epoch: start the same command anew. DIR/rows.jsonl has the
scores, DIR/costs_DATA.json what tools/benchmark.py measured of all heads in turn, DIR/table.md and DIR/heads.png both.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median, stdev

import torch
from mmengine.config import Config

from epochs import train_for

ROOT = Path(__file__).resolve().parents[1]
SCORES = ('mIoU', 'aAcc', 'mAcc', 'mBF')


@dataclass(frozen=True)
class Head:
    """A head of the comparison.

    Args:
        title: in the tables.
        config: in configs/, of Oxford-IIIT Pet; its model and its optimizer are taken.
        options: dotted key -> value, changes to it.
        schedule: in configs/_base_/schedules, where it is not the config's.
    """

    title: str
    config: str
    options: dict = field(default_factory=dict)
    schedule: str | None = None


HEADS = {
    'linear_frozen': Head('linear probe, frozen', 'vit_small_linear_pet'),
    'linear_probe': Head(
        'linear probe, fine-tuned', 'vit_small_linear_pet', {'model.backbone.frozen': False}, 'finetune'
    ),
    'linear_patch': Head('linear patch head', 'vit_small_pretrained_pet'),
    'fcn': Head('FCN (the host)', 'vit_fcn_pet'),
    'setr_naive': Head('SETR-Naive', 'setr_naive_pet'),
    'setr_pup': Head('SETR-PUP', 'setr_pup_pet'),
    'setr_mla': Head('SETR-MLA', 'setr_mla_pet'),
    'segformer': Head("SegFormer's decoder", 'vit_segformer_pet'),
    'upernet': Head('UPerNet (the host)', 'vit_upernet_pet'),
    'eomt': Head('EoMT', 'eomt_pet'),
}


@dataclass(frozen=True)
class Data:
    """A data set of the comparison.

    Args:
        base: in configs/_base_/datasets.
        classes: how many.
        shape: (H, W) of a tested picture.
        crop: (H, W) of a training picture.
        head_options: dotted key -> value, by head, that this data set changes.
    """

    base: str
    classes: int
    shape: tuple[int, int]
    crop: tuple[int, int]
    head_options: dict[str, dict] = field(default_factory=dict)


DATA = {
    'pet': Data('pet_196', 3, (196, 196), (196, 196)),
    'camvid': Data('camvid_14', 11, (364, 490), (252, 322), {'eomt': {'model.decode_head.num_queries': 32}}),
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='where everything goes')
    parser.add_argument('--data', default=','.join(DATA), metavar='NAME,...', help='(default: %(default)s)')
    parser.add_argument('--heads', default=','.join(HEADS), metavar='NAME,...', help='(default: %(default)s)')
    parser.add_argument('--seeds', default='0', metavar='N,...', help='(default: 0)')
    parser.add_argument('--epochs', type=int, default=4, metavar='N', help='of each training (default: 4)')
    parser.add_argument('--threads', type=int, default=1, metavar='N', help='of the CPU (default: 1)')
    parser.add_argument('--table', action='store_true', help='train nothing')
    args = parser.parse_args()
    for name, known in (('data', DATA), ('heads', HEADS)):
        values = getattr(args, name).split(',')
        if wrong := [value for value in values if value not in known]:
            parser.error(f'--{name} {wrong[0]}: allowed: {", ".join(known)}')
        setattr(args, name, values)
    args.seeds = [int(seed) for seed in args.seeds.split(',')]
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
    failed = []
    if not args.table:
        for seed in args.seeds:
            for data in args.data:
                for head in args.heads:
                    folder = args.out / f'{data}_{head}_{seed}'
                    if not (folder / 'row.json').exists() and train(folder, data, head, seed, args):
                        failed.append(folder.name)
        for data in args.data:
            measure_costs(args.out, data, args.heads, args.threads)
    rows = [json.loads(file.read_text()) for file in sorted(args.out.glob('*/row.json'))]
    (args.out / 'rows.jsonl').write_text(''.join(f'{json.dumps(row)}\n' for row in rows))
    (args.out / 'table.md').write_text('\n'.join(tables(args.out, rows)))
    draw(args.out, rows)
    print((args.out / 'table.md').read_text())
    for name in failed:
        print(f'{name}: failed; {args.out / name}/train.log says why', file=sys.stderr)
    return int(bool(failed))


def composed(data: str, head: str, epochs: int) -> Config:
    """Return the config of a head on a data set."""
    settings, on = HEADS[head], DATA[data]
    cfg = Config.fromfile(ROOT / f'configs/{settings.config}.py')
    parts = [f'datasets/{on.base}', *([f'schedules/{settings.schedule}'] if settings.schedule else [])]
    for part in parts:
        for key, value in Config.fromfile(ROOT / f'configs/_base_/{part}.py').items():
            cfg[key] = value
    cfg.merge_from_dict({**settings.options, **on.head_options.get(head, {})})
    heads = [cfg.model.decode_head, *cfg.model.get('auxiliary_head', [])]
    for one in heads:
        one.num_classes = on.classes
    train_for(cfg, epochs)
    cfg.train_cfg.val_interval = epochs
    cfg.val_evaluator = cfg.test_evaluator = [
        dict(type='IoUMetric', iou_metrics=['mIoU']),
        dict(type='mmseg_vitseg.BoundaryMetric'),
    ]
    cfg.default_hooks.checkpoint.update(interval=1, max_keep_ckpts=1, save_best=None)
    return cfg


def train(folder: Path, data: str, head: str, seed: int, args: argparse.Namespace) -> bool:
    """Train a head, or go on with it, and write row.json; return whether it failed."""
    folder.mkdir(exist_ok=True)
    config = folder / 'config.py'
    if not config.exists():
        composed(data, head, args.epochs).dump(config)
    command = [sys.executable, 'tools/train.py', str(config), '--work-dir', str(folder), '--seed', str(seed)]
    again = (folder / 'last_checkpoint').exists()
    print(f'{folder.name}: {"goes on" if again else "begins"}', flush=True)
    with open(folder / 'train.log', 'a', encoding='utf-8') as output:
        process = subprocess.Popen(
            [*command, *(['--resume'] if again else [])],
            cwd=ROOT,
            env=os.environ | dict(OMP_NUM_THREADS=str(args.threads), MKL_NUM_THREADS=str(args.threads)),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        return True
    from mmseg_vitseg.reporting.log import read_log

    log = read_log(folder)
    row = dict(
        data=data,
        head=head,
        title=HEADS[head].title,
        seed=seed,
        **{name: round(log.validation[-1][name], 2) for name in SCORES},
        step_s=round(median(entry['time'] for entry in log.training), 3),
        cpu_minutes=None if again else round((usage.ru_utime + usage.ru_stime) / 60, 1),
        peak_mb=None if again else usage.ru_maxrss // 1024,
        epochs=args.epochs,
        threads=args.threads,
        oneDNN=os.environ.get('MMSEG_VITSEG_ONEDNN') == '1',
        commit=subprocess.run(
            ['git', 'describe', '--always', '--dirty'], cwd=ROOT, capture_output=True, text=True
        ).stdout.strip(),
        command=f'python benchmarks/heads.py --out DIR --data {data} --heads {head} --seeds {seed} '
        f'--epochs {args.epochs} --threads {args.threads}',
    )
    (folder / 'row.json').write_text(json.dumps(row))
    return False


def measure_costs(out: Path, data: str, heads: list[str], threads: int) -> None:
    """Measure what a prediction of one picture, and a training step of two crops, cost; all heads in turn."""
    from mmseg_vitseg.benchmark.measuring import measure_side_by_side
    from mmseg_vitseg.benchmark.variants import Settings, Variant

    file = out / f'costs_{data}.json'
    variants = [
        Variant(head, str(config)) for head in heads for config in sorted(out.glob(f'{data}_{head}_*/config.py'))[:1]
    ]
    if file.exists() or not variants:
        return
    torch.set_num_threads(threads)
    costs: dict[str, dict] = {variant.name: {} for variant in variants}
    for mode, shape, batch in (('predict', DATA[data].shape, 1), ('train', DATA[data].crop, 2)):
        print(f'{data}: {mode}, all heads in turn', flush=True)
        settings = Settings(mode=mode, shape=shape, batch_size=batch, threads=threads)
        for row in measure_side_by_side(data, variants, settings):
            costs[row.variant] |= {
                'params_m': row.params_m,
                f'{mode}_ms': median(row.times_ms) if row.times_ms else None,
                f'{mode}_mb': row.peak_memory_mb,
            }
    file.write_text(json.dumps(costs, indent=1))


def costs_of(out: Path, data: str) -> dict[str, dict]:
    """Return what :func:`measure_costs` wrote, by head."""
    file = out / f'costs_{data}.json'
    return json.loads(file.read_text()) if file.exists() else {}


def by_head(rows: Sequence[dict]) -> list[tuple[str, list[dict]]]:
    """Return the rows of each head, one a seed, the head with the best mean mIoU first."""
    heads: dict[str, list[dict]] = {}
    for row in rows:
        heads.setdefault(row['head'], []).append(row)
    return sorted(heads.items(), key=lambda item: -mean(row['mIoU'] for row in item[1]))


def tables(out: Path, rows: Sequence[dict]) -> Iterator[str]:
    """Yield the lines of a table a data set; of several seeds mean and standard deviation."""
    for data in DATA:
        found = by_head([row for row in rows if row['data'] == data])
        if not found:
            continue
        costs = costs_of(out, data)
        yield f'{data}, {found[0][1][0]["epochs"]} epochs'
        yield ''
        yield (
            f'| head | seeds | {" | ".join(SCORES)} | parameters, M | prediction, ms | its memory, MiB | '
            'training step of two, ms | its memory, MiB |'
        )
        yield '| --- ' * (len(SCORES) + 7) + '|'
        for head, seeds in found:
            scores = [spread([row[name] for row in seeds]) for name in SCORES]
            cost = costs.get(head, {})
            figures = [
                number(cost.get(key)) for key in ('params_m', 'predict_ms', 'predict_mb', 'train_ms', 'train_mb')
            ]
            yield f'| {" | ".join([HEADS[head].title, str(len(seeds)), *scores, *figures])} |'
        yield ''


def spread(values: Sequence[float]) -> str:
    """Return a mean, and of several values their standard deviation."""
    return f'{mean(values):.2f}' + (f' ± {stdev(values):.2f}' if len(values) > 1 else '')


def number(value: float | None) -> str:
    """Return three digits of a number."""
    return 'not measured' if value is None else f'{value:.3g}' if value < 1000 else f'{value:.0f}'


def draw(out: Path, rows: Sequence[dict]) -> None:
    """Draw mIoU against the time of a prediction, a panel a data set."""
    import matplotlib.pyplot as plt

    shown = [data for data in DATA if costs_of(out, data) and any(row['data'] == data for row in rows)]
    if not shown:
        return
    figure, panels = plt.subplots(1, len(shown), figsize=(6 * len(shown), 4.5), squeeze=False, layout='constrained')
    for panel, data in zip(panels[0], shown, strict=True):
        costs = costs_of(out, data)
        for head, seeds in by_head([row for row in rows if row['data'] == data]):
            if time := costs.get(head, {}).get('predict_ms'):
                score = mean(row['mIoU'] for row in seeds)
                panel.plot(time, score, 'o')
                panel.annotate(HEADS[head].title, (time, score), xytext=(5, 3), textcoords='offset points', fontsize=8)
        panel.set(title=data, xlabel='prediction of one picture, ms', ylabel='mIoU, %')
        panel.margins(x=0.25)
    figure.savefig(out / 'heads.png', dpi=120)
    plt.close(figure)


if __name__ == '__main__':
    sys.exit(main())
