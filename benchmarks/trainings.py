"""Trainings for comparisons: of another length than the config's, by tools/train.py, resumable, a row of figures of each."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
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


def trained(folder: Path, compose: Callable[[], Config], arguments: Sequence[str], threads: int, **of: object) -> bool:
    """Train a config, or go on with it, and write row.json; nothing where that is there.

    Args:
        folder: the work dir; the config is written there too.
        compose: makes the config.
        arguments: more of tools/train.py's.
        threads: of the CPU.
        of: what the row says besides its figures.

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
    command = [sys.executable, 'tools/train.py', str(config), '--work-dir', str(folder), *arguments]
    print(f'{folder.name}: {"goes on" if again else "begins"}', flush=True)
    with open(folder / 'train.log', 'a', encoding='utf-8') as output:
        process = subprocess.Popen(
            [*command, *(['--resume'] if again else [])],
            cwd=ROOT,
            env=os.environ | dict(OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads)),
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
        **scores,
        step_s=round(median(entry['time'] for entry in log.training), 3),
        cpu_minutes=None if again else round((usage.ru_utime + usage.ru_stime) / 60, 1),
        peak_mb=None if again else usage.ru_maxrss // 1024,
        threads=threads,
        amp='--amp' in arguments,
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
