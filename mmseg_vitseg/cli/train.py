"""Train a model from a config, on the GPU, or on the CPU where there is none. On several GPUs: tools/dist_train.sh.

  python tools/train.py configs/quickstart.py
  python tools/train.py configs/quickstart.py --work-dir work_dirs/small --cfg-options train_dataloader.batch_size=8
  python tools/train.py configs/quickstart.py --resume
  python tools/train.py configs/quickstart.py --resume --cfg-options train_cfg.max_epochs=14 param_scheduler.1.end=14

The config says on what data it trains, how long and with which batch size; --cfg-options changes it. Checkpoints, the log
and pictures of predictions go to the work dir, work_dirs/quickstart here.
"""

import argparse
import os
from contextlib import nullcontext
from pathlib import Path

from mmseg_vitseg.cli.arguments import (
    OneLineParser,
    add_config_arguments,
    add_matmul_precision_argument,
    add_runner_arguments,
    seed,
)
from mmseg_vitseg.cli.next_step import note_work_dir
from mmseg_vitseg.cli.one_line_errors import fail
from mmseg_vitseg.cli.processes import is_first_process
from mmseg_vitseg.cli.progress import shown_progress


def parse_args(arguments: list[str]) -> argparse.Namespace:
    parser = OneLineParser('train', __doc__)
    add_config_arguments(parser)
    add_runner_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='auto|FILE',
        help="go on from the last checkpoint in the work dir, or from FILE, up to the config's last epoch. Where the "
        'length, the schedule or the optimizer has changed since, the new one holds from there on. docs/training.md says '
        'what makes a resumed training equal to one that was never interrupted',
    )
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision: compute in float16 on a GPU, in bfloat16 on the CPU, where that is precise enough: faster, '
        'less memory, slightly other numbers',
    )
    add_matmul_precision_argument(parser, "the config's float32_matmul_precision, or highest")
    parser.add_argument(
        '--seed',
        type=seed,
        metavar='N',
        help="number that all random draws follow from: weights, order, augmentation, dropout (default: the config's)",
    )
    parser.add_argument(
        '--no-check', action='store_true', help='start even where the checks of tools/check_config.py find an error'
    )
    return parser.parse_args(arguments)


def main(args: argparse.Namespace) -> None:
    from mmseg_vitseg.engine.running.command_line import load_config
    from mmseg_vitseg.engine.running.lock import locked

    cfg = load_config(args.config, options=args.cfg_options, work_dir=args.work_dir, launcher=args.launcher)
    note_work_dir(cfg.work_dir)
    with locked(cfg.work_dir) if is_first_process() else nullcontext():
        train(cfg, args)


def train(cfg, args: argparse.Namespace) -> None:
    """Train in a work dir that is ours."""
    from mmseg_vitseg.engine.resuming.start import set_resume
    from mmseg_vitseg.engine.running.command_line import enable_amp
    from mmseg_vitseg.engine.running.disk import disk_errors_explained
    from mmseg_vitseg.engine.running.runner import build_runner
    from mmseg_vitseg.engine.running.unused import unused_parameters_explained

    if args.seed is not None:
        cfg.randomness.seed = args.seed
    if args.amp:
        enable_amp(cfg)
    if args.float32_matmul_precision:
        cfg.float32_matmul_precision = args.float32_matmul_precision
    set_resume(cfg, args.resume)
    if args.resume is None:
        warn_of_earlier(Path(cfg.work_dir))
    if not args.no_check:
        check_before_training(cfg)
    with disk_errors_explained(cfg.work_dir):
        runner = build_runner(cfg)
        with unused_parameters_explained(runner):
            runner.train()
    if runner.rank == 0:
        report(Path(cfg.work_dir))


def warn_of_earlier(work_dir: Path) -> None:
    """Say that a training starts anew where another's checkpoints are."""
    from mmseg_vitseg.engine.resuming.newest import find_resumable

    earlier = find_resumable(work_dir)
    if earlier is not None and is_first_process():
        print(
            f'warning: {earlier} is of an earlier training; this one starts anew and replaces files of the same names. '
            '--resume goes on with the earlier one, --work-dir DIR keeps them apart'
        )


def check_before_training(cfg) -> None:
    """Print what would hurt the training, a line each; what would certainly break or spoil it ends the program."""
    from mmseg_vitseg.checking.checks import check_config
    from mmseg_vitseg.checking.findings import ERROR

    with shown_progress() as progress:
        progress('checking the config')
        findings = check_config(cfg, starting=True)
    if is_first_process():
        for finding in findings:
            if finding.severity != ERROR:
                print(f'warning: {finding}')
    hint = '[KEY=VALUE: after --cfg-options; --no-check goes on]'
    if errors := [f'{finding}  {hint}' for finding in findings if finding.severity == ERROR]:
        fail(*errors)


def report(work_dir: Path) -> None:
    """Say where the results are."""
    from mmseg_vitseg.engine.resuming.newest import find_resumable

    print(f'Trained. Results are in {work_dir}:')
    for what, path in (
        ('best checkpoint', max(work_dir.glob('best_*.pth'), key=os.path.getmtime, default=None)),
        ('last checkpoint', find_resumable(work_dir)),
        ('pictures', work_dir / 'pictures'),
    ):
        if path is not None and path.exists():
            print(f'  {what}: {path}')
