"""Train a model from a config, on a GPU, on several, or on the CPU.

Checkpoints, logs and pictures go to the work dir (default: work_dirs/<the config's name>). Several processes: dist_train.sh.
"""

import argparse
import os
import sys
from pathlib import Path

from _command import OneLineParser, add_config_arguments, run


def parse_args() -> argparse.Namespace:
    parser = OneLineParser(__doc__)
    add_config_arguments(parser)
    parser.add_argument('--work-dir', help='where checkpoints, logs and pictures go')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='auto|FILE',
        help='go on from the newest checkpoint in the work dir, or from FILE; with train_dataloader.num_workers=0, '
        'the losses are those of a run that was never interrupted',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision: float16 on a GPU, bfloat16 on the CPU')
    parser.add_argument('--seed', type=int, help='seed of weights, order, augmentation and dropout')
    parser.add_argument(
        '--no-check', action='store_true', help='start whatever tools/check_config.py would say of the config'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    from mmseg_vitseg.engine.disk import disk_errors_explained
    from mmseg_vitseg.engine.launch import build_runner, enable_amp, load_config, set_resume

    cfg = load_config(args.config, options=args.cfg_options, work_dir=args.work_dir, launcher=args.launcher)
    if args.seed is not None:
        cfg.randomness.seed = args.seed
    if args.amp:
        enable_amp(cfg)
    set_resume(cfg, args.resume)
    if not args.no_check:
        check(cfg)
    with disk_errors_explained(cfg.work_dir):
        runner = build_runner(cfg)
        runner.train()
    if runner.rank == 0:
        report(Path(cfg.work_dir))


def check(cfg) -> None:
    """Print what would hurt the training, a line each; what would certainly break or spoil it ends the program."""
    from mmseg_vitseg.checking.findings import ERROR
    from mmseg_vitseg.checking.run import check_config

    findings = check_config(cfg)
    errors = [finding for finding in findings if finding.severity == ERROR]
    if os.environ.get('RANK', '0') == '0':  # of several processes, one speaks
        for finding in findings:
            if finding in errors:
                print(f'error: {finding}  [--no-check goes on]', file=sys.stderr)
            else:
                print(f'warning: {finding}')
    if errors:
        sys.exit(2)


def report(work_dir: Path) -> None:
    """Say where the results are."""
    from mmseg_vitseg.engine.checkpoint_hook import find_resumable

    print(f'Trained. Results are in {work_dir}:')
    for what, path in (
        ('best checkpoint', max(work_dir.glob('best_*.pth'), key=os.path.getmtime, default=None)),
        ('last checkpoint', find_resumable(work_dir)),
        ('pictures', work_dir / 'pictures'),
    ):
        if path is not None and path.exists():
            print(f'  {what}: {path}')


if __name__ == '__main__':
    run(main)
