"""The tables and the figure of benchmarks/heads.py, and what the heads cost."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean, median

import torch

from heads_configs import DATA, HEADS
from mmseg_vitseg.benchmark.measuring import measure_side_by_side
from mmseg_vitseg.benchmark.variants import Settings, Variant
from trainings import SCORES, number, spread


def measure_costs(out: Path, data: str, heads: list[str], threads: int) -> None:
    """Measure what a prediction of one picture, and a training step of two crops, cost; all heads in turn."""
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


def rates_table(rows: Sequence[dict]) -> Iterator[str]:
    """Yield the lines of a table of mIoU on the pictures that were held out, by head and learning rate."""
    rows = [row for row in rows if row['rate']]
    rates = sorted({row['rate'] for row in rows})
    yield f'| data | head | {" | ".join(f"{rate:g}" for rate in rates)} |'
    yield '| --- ' * (len(rates) + 2) + '|'
    for data in DATA:
        for head, tried in by_head([row for row in rows if row['data'] == data]):
            scores = {rate: [row['mIoU'] for row in tried if row['rate'] == rate] for rate in rates}
            yield f'| {data} | {HEADS[head].title} | {" | ".join(spread(found) for found in scores.values())} |'
    yield ''


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
