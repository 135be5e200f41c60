"""What a training spends its processor time on: loading, the model, hooks, validation.

  PET_ROOT=DIR PRETRAINED=FILE python benchmarks/training_time.py configs/eomt_pet.py configs/quickstart.py --workers 0

Each config trains for some steps and validates on some pictures, in a process of its own, by the tools' own way. From these,
and from the lengths in the config, follows what the whole training takes. Processor time, so other programs on the machine
disturb little. Of loader workers only the sum is seen; ``--workers 0`` splits it into the steps of the pipeline.
"""

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import torch
from mmcv.transforms import BaseTransform
from mmengine.config import Config, DictAction
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from mmseg.registry import DATASETS
from torch.utils.data.dataloader import _BaseDataLoaderIter

from clock import SLOWER, Clock
from mmseg_vitseg.checking.checks import check_config
from mmseg_vitseg.engine.running.command_line import load_config
from mmseg_vitseg.engine.running.runner import build_runner
from mmseg_vitseg.models.heads.eomt import EoMTHead
from mmseg_vitseg.models.losses import head_loss

IN_MODEL = ('forward', 'loss', 'backward', 'optimizer', 'prediction')
COLUMNS = ('model', 'loading', 'normalising', 'metric', 'checkpoints', 'start', 'loop and other hooks')
# at these events of the host's begins what is done once a training, an epoch, a validation
BEGINNINGS = dict(
    before_train_epoch='once',
    after_train_epoch='epoch',
    before_val_epoch='once',
    after_val_epoch='validation',
    after_train='once',
)
BATCHES = dict(after_train_iter='step', after_val_iter='picture')  # these end a batch


def watch(clock: Clock, runner: Runner) -> None:
    """Count the parts of a training."""

    def call_hook(name: str, **arguments) -> None:
        if name in BEGINNINGS:
            clock.begin(BEGINNINGS[name])
        with clock.part('hooks, calls'):
            for hook in runner._hooks:
                if hasattr(hook, name):
                    with clock.part(f'hook {type(hook).__name__}'):
                        getattr(hook, name)(runner, **arguments)
        if name in BATCHES:
            clock.end_batch(BATCHES[name], len(arguments['data_batch']['inputs']) if 'val' in name else 1)

    runner.call_hook = call_hook
    model = runner.model
    clock.wrap(_BaseDataLoaderIter, '__next__', 'loading')
    clock.wrap(BaseTransform, '__call__', lambda step, *_: f'pipeline {type(step).__name__}')
    clock.wrap(model.data_preprocessor, 'forward', 'normalising')
    clock.wrap(model, '_run_forward', lambda *_, **__: 'forward' if model.training else 'prediction')
    clock.wrap(head_loss, '_plain_loss', 'loss')
    clock.wrap(head_loss, '_from_sums', 'loss')
    clock.wrap(EoMTHead, 'loss', 'loss')
    for method, name in dict(backward='backward', step='optimizer', zero_grad='optimizer').items():
        clock.wrap(OptimWrapper, method, name)
    clock.wrap(Evaluator, 'process', 'metric')
    clock.wrap(Evaluator, 'evaluate', 'metric')


def shortened(cfg: Config, steps: int, pictures: int, workers: int | None) -> dict[str, float]:
    """Cut a config to one epoch and one validation; return how often each unit is in the whole training."""
    train, val = cfg.train_dataloader, cfg.val_dataloader
    lengths = [len(DATASETS.build({**loader.dataset, 'pipeline': []})) for loader in (train, val)]
    epochs = cfg.train_cfg.max_epochs
    validations = epochs // cfg.train_cfg.get('val_interval', 1)
    whole = dict(
        once=1,
        step=epochs * -(-lengths[0] // train.batch_size),
        epoch=epochs,
        validation=validations,
        picture=validations * lengths[1],
    )
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    for scheduler in cfg.param_scheduler:
        if scheduler.get('by_epoch', True) and 'end' in scheduler:
            scheduler.update(begin=0, end=1)
    _cut(train.dataset, (steps + SLOWER) * train.batch_size)
    _cut(val.dataset, pictures + SLOWER * val.get('batch_size', 1))
    for loader in (train, val):
        if workers is not None:
            loader.update(
                num_workers=workers, persistent_workers=workers > 0 and loader.get('persistent_workers', False)
            )
    return whole


def _cut(dataset: Config, length: int) -> None:
    if dataset.type == 'mmseg_vitseg.ShapesDataset':
        dataset.length = length
    else:
        dataset.indices = length


def children() -> float:
    """Return the processor time of the processes that were started and have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(args: argparse.Namespace) -> dict:
    """Train a little; return what each part takes in the whole training, in seconds, by unit and part."""
    torch.set_num_threads(args.threads)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        cfg = load_config(args.config[0], options=args.cfg_options, work_dir=folder)
        whole = shortened(cfg, args.steps, args.pictures, args.workers)
        check_config(cfg, starting=True)
        runner = build_runner(cfg)
        watch(clock, runner)
        with clock.part('loop'):
            runner.train()
        MMLogger.get_current_instance().handlers.clear()
    for unit, loop in dict(step=runner.train_loop, picture=runner.val_loop).items():
        before, loop.dataloader._iterator = children(), None
        gc.collect()  # its workers end
        clock.seconds[unit, 'workers'] += (children() - before) * (1 - SLOWER / clock.batches[unit])
    return {
        f'{unit}: {part}': seconds * whole[unit] / clock.done[unit] for (unit, part), seconds in clock.seconds.items()
    }


def group_of(name: str) -> str:
    """Return the column of a part."""
    part = name.partition(': ')[2]
    if part in IN_MODEL:
        return 'model'
    if part.startswith('hook AtomicCheckpoint'):
        return 'checkpoints'
    if part in ('loading', 'workers') or part.startswith('pipeline'):
        return 'loading'
    return part if part in ('start', 'normalising', 'metric') else 'loop and other hooks'


def row(name: str, parts: dict[str, float]) -> str:
    """Return a config's row of the table: shares in percent."""
    total, shares = sum(parts.values()), defaultdict[str, float](float)
    for part, seconds in parts.items():
        shares[group_of(part)] += 100 * seconds / total
    return f'| {name} | {total:.0f} s | {" | ".join(f"{shares[column]:.1f}" for column in COLUMNS)} |'


def longest(parts: dict[str, float], least: float) -> str:
    """Return the parts that take at least some share of the time, in percent, the longest first."""
    total = sum(parts.values())
    shown = sorted((item for item in parts.items() if item[1] >= least * total), key=lambda item: -item[1])
    return '\n'.join(f'  {100 * seconds / total:5.1f} %  {seconds:8.1f} s  {name}' for name, seconds in shown)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', nargs='+', help='trained by epochs')
    parser.add_argument('--steps', type=int, default=30, metavar='N', help='that are measured (default: 30)')
    parser.add_argument('--pictures', type=int, default=40, metavar='N', help='of the validation (default: 40)')
    parser.add_argument('--workers', type=int, metavar='N', help="that load (default: the config's)")
    parser.add_argument('--threads', type=int, default=1, metavar='N', help='of torch (default: 1)')
    parser.add_argument('--least', type=float, default=0.003, metavar='SHARE', help='that is shown (default: 0.003)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, metavar='KEY=VALUE')
    parser.add_argument('--child', action='store_true', help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure each config in a process of its own."""
    args = parse_args()
    if args.child:
        print(json.dumps(measure(args)))
        return
    rest = [one for one in sys.argv[1:] if one not in args.config]
    environment = os.environ | dict(OMP_NUM_THREADS=str(args.threads), MKL_NUM_THREADS=str(args.threads))
    found = {}
    for config in args.config:
        command = [sys.executable, __file__, config, '--child', *rest]
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        found[Path(config).stem] = parts = json.loads(done.stdout.splitlines()[-1])
        print(f'{config}\n{longest(parts, args.least)}', flush=True)
    print(f'| config | training | {" | ".join(f"{column}, %" for column in COLUMNS)} |')
    print(f'|{" --- |" * (len(COLUMNS) + 2)}')
    print('\n'.join(row(name, parts) for name, parts in found.items()))
    print(json.dumps(found))


if __name__ == '__main__':
    main()
