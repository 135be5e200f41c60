"""The same training twice: a config's model and the host's twin, from the same weights, on the same data, with one seed.

  CAMVID_ROOT=DIR python benchmarks/same_training.py configs/segformer_b0_camvid.py --epochs 7 --out DIR \\
    --cfg-options model.decode_head.linear_projection=False

Both are trained by this project's tools, in turn, so that the model is all that differs. DIR/{host,ours}/ have the logs,
DIR/curves.png the losses of every step and the scores of every epoch, DIR/summary.json the processor time of a step and the
largest differences. A side that is done is not done again.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import torch
from mmengine.config import Config, DictAction
from mmengine.hooks import Hook

from mmseg_vitseg.benchmark.host_twin import host_twin, share_eps
from mmseg_vitseg.config.building import build_model
from mmseg_vitseg.engine.running.command_line import load_config
from mmseg_vitseg.engine.running.runner import build_runner
from mmseg_vitseg.reporting.log import Log, read_log
from trainings import train_for

NAMES = dict(host='MMSegmentation', ours='mmseg_vitseg')
SIDES = tuple(NAMES)
SKIPPED = 5  # steps at the start, which are slower


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='of ours, trained by epochs')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='where everything goes')
    parser.add_argument('--epochs', type=int, default=7, metavar='N', help='(default: 7)')
    parser.add_argument('--threads', type=int, default=1, metavar='N', help='of the CPU (default: 1)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={}, metavar='KEY=VALUE')
    parser.add_argument('--side', choices=SIDES, help=argparse.SUPPRESS)  # what this process is started for
    return parser.parse_args()


def main() -> None:
    """Train both sides, each in a process of its own, and draw them."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    if args.side:
        train(args)
        return
    for side in SIDES:
        if not (args.out / side / 'done').exists():
            subprocess.run(
                [sys.executable, __file__, *sys.argv[1:], '--side', side],
                env=os.environ | dict(OMP_NUM_THREADS=str(args.threads), MKL_NUM_THREADS=str(args.threads)),
                check=True,
            )
    logs = {side: read_log(args.out / side) for side in SIDES}
    summary = summarised(logs)
    (args.out / 'summary.json').write_text(json.dumps(summary, indent=1))
    draw(logs, summary, args.out / 'curves.png')
    print(json.dumps(summary))


class ProcessorTimeHook(Hook):
    """Log each step's processor time, in seconds: on a shared machine the time on the clock says little."""

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Begin."""
        self.begun = time.process_time()

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """End; the logger comes after this."""
        runner.message_hub.update_scalar('train/processor_time', time.process_time() - self.begun)


def settings(args: argparse.Namespace, side: str) -> Config:
    """Return the config of a side, whose model is still ours."""
    cfg = load_config(args.config, options=args.cfg_options, work_dir=str(args.out / side))
    train_for(cfg, args.epochs)
    cfg.train_cfg.val_interval = 1
    cfg.default_hooks.logger = dict(cfg.default_hooks.get('logger') or dict(type='LoggerHook'), interval=1)
    cfg.default_hooks.checkpoint.update(interval=args.epochs, save_best=None)
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), dict(type='mmseg_vitseg.SeedHook')]
    cfg.log_processor = dict(cfg.get('log_processor') or {}, window_size=1)
    cfg.randomness = dict(seed=0)
    return cfg


def train(args: argparse.Namespace) -> None:
    """Train one side from the weights in DIR/start.pth, which the host's side draws."""
    cfg = settings(args, args.side)
    start = args.out / 'start.pth'
    if args.side == 'host':
        ours = build_model(cfg)
        cfg.model = host_twin(cfg.model, [])
        if not start.exists():
            torch.manual_seed(0)
            twin = build_model(cfg)
            twin.init_weights()
            torch.save(dict(state_dict=twin.state_dict()), start)
    cfg.load_from = str(start)
    runner = build_runner(cfg)
    if args.side == 'host':
        share_eps(runner.model, ours)
    runner.register_hook(ProcessorTimeHook())
    runner.train()
    (args.out / args.side / 'done').touch()


def summarised(logs: dict[str, Log]) -> dict:
    """Return a step's processor time, in seconds, and the largest differences of losses and scores."""
    losses = [[entry['loss'] for entry in log.training] for log in logs.values()]
    scores = [[entry['mIoU'] for entry in log.validation] for log in logs.values()]
    steps = {side: median(entry['processor_time'] for entry in log.training[SKIPPED:]) for side, log in logs.items()}
    return dict(
        steps=len(losses[0]),
        step_s=steps,
        times_faster=steps['host'] / steps['ours'],
        largest_difference_of_losses=max(map(_difference, *losses)),
        largest_difference_of_m_iou=max(map(_difference, *scores)),
        last_m_iou={side: values[-1] for side, values in zip(logs, scores, strict=True)},
    )


def _difference(first: float, second: float) -> float:
    return abs(first - second)


def draw(logs: dict[str, Log], summary: dict, path: Path) -> None:
    """Draw both losses by step, and both scores by step."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(11, 4), layout='constrained')
    styles: Sequence[dict] = (dict(linewidth=4, alpha=0.35, color='tab:gray'), dict(linewidth=1.2, color='tab:red'))
    for (side, log), style in zip(logs.items(), styles, strict=True):
        name = f'{NAMES[side]}, {summary["step_s"][side]:.2f} s of processor time a step'
        panels[0].plot(
            [entry['step'] for entry in log.training], [entry['loss'] for entry in log.training], label=name, **style
        )
        panels[1].plot(
            [entry['step'] for entry in log.validation], [entry['mIoU'] for entry in log.validation], **style
        )
    panels[0].set(xlabel='step', ylabel='loss', title=f'the same training, {summary["times_faster"]:.1f} times faster')
    panels[1].set(xlabel='epoch', ylabel='mIoU, %')
    panels[0].legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == '__main__':
    main()
