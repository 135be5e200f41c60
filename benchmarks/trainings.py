"""Trainings for comparisons: of another length than the config's, by tools/train.py, resumable, a row of figures of each."""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from statistics import mean, median, stdev

from mmengine.config import Config

from mmseg_vitseg.reporting.log import read_log

ROOT = Path(__file__).resolve().parents[1]
SCORES = ('mIoU', 'aAcc', 'mAcc', 'mBF')


def train_for(cfg: Config, epochs: int) -> None:
    """Set the epochs of a training and the ends of its schedules; its pictures of progress are not compared."""
    cfg.train_cfg.max_epochs = epochs
    for scheduler in cfg.param_scheduler:
        if scheduler.get('by_epoch', True) and 'end' in scheduler:
            scheduler.end = epochs
    cfg.default_hooks.pop('progress', None)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every comparison takes."""
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='where everything goes')
    parser.add_argument('--threads', type=int, default=1, metavar='N', help='of the CPU (default: 1)')
    parser.add_argument('--amp', action='store_true', help='mixed precision, as of tools/train.py')
    parser.add_argument('--table', action='store_true', help='train nothing')


def add_names(parser: argparse.ArgumentParser, flag: str, known: Collection[str]) -> None:
    """Add an argument that takes some of these names, with commas between; by default all."""

    def names(text: str) -> list[str]:
        values = text.split(',')
        if wrong := [value for value in values if value not in known]:
            raise argparse.ArgumentTypeError(f'{wrong[0]}: allowed: {", ".join(known)}')
        return values

    default = ','.join(known)
    parser.add_argument(flag, type=names, default=default, metavar='NAME,...', help='(default: %(default)s)')


def trained(
    folder: Path, compose: Callable[[], Config], args: argparse.Namespace, command: str, seed: int, **of: object
) -> bool:
    """Train a config, or go on with it, and write row.json; nothing where that is there.

    Args:
        folder: the work dir; the config is written there too.
        compose: makes the config.
        args: what :func:`add_arguments` added.
        command: which does this training alone, but for these arguments.
        seed: of tools/train.py.
        of: what else the row says of the training.

    Returns:
        Whether there is a row.
    """
    if (folder / 'row.json').exists():
        return True
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / 'config.py'
    if not config.exists():
        compose().dump(config)
    again = (folder / 'last_checkpoint').exists()
    amp = ['--amp'] if args.amp else []
    arguments = [str(config), '--work-dir', str(folder), '--seed', str(seed), *amp, *(['--resume'] if again else [])]
    print(f'{folder.name}: {"goes on" if again else "begins"}', flush=True)
    with open(folder / 'train.log', 'a', encoding='utf-8') as output:
        process = subprocess.Popen(
            [sys.executable, 'tools/train.py', *arguments],
            cwd=ROOT,
            env=os.environ | dict(OMP_NUM_THREADS=str(args.threads), MKL_NUM_THREADS=str(args.threads)),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        print(f'{folder.name}: failed; {folder}/train.log says why', file=sys.stderr)
        return False
    log = read_log(folder)
    scores = {name: round(value, 2) for name, value in log.validation[-1].items() if name in SCORES}
    row = dict(
        of,
        seed=seed,
        command=' '.join([command, '--threads', str(args.threads), *amp]),
        **scores,
        step_s=round(median(entry['time'] for entry in log.training), 3),
        cpu_minutes=None if again else round((usage.ru_utime + usage.ru_stime) / 60, 1),
        peak_mb=None if again else usage.ru_maxrss // 1024,
        threads=args.threads,
        amp=args.amp,
        oneDNN=os.environ.get('MMSEG_VITSEG_ONEDNN') == '1',
        commit=subprocess.run(
            ['git', 'describe', '--always', '--dirty'], cwd=ROOT, capture_output=True, text=True
        ).stdout.strip(),
    )
    (folder / 'row.json').write_text(json.dumps(row))
    return True


def rows_in(folder: Path) -> list[dict]:
    """Return all rows in the folders of a folder."""
    return [json.loads(file.read_text()) for file in sorted(folder.glob('*/row.json'))]


def spread(values: Iterable[float]) -> str:
    """Return a mean, and of several values their standard deviation; nothing of none."""
    if not (values := list(values)):
        return ''
    return f'{mean(values):.2f}' + (f' ± {stdev(values):.2f}' if len(values) > 1 else '')


def number(value: float | None) -> str:
    """Return three digits of a number."""
    return 'not measured' if value is None else f'{value:.3g}' if value < 1000 else f'{value:.0f}'
