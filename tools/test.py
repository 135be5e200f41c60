"""Evaluate a checkpoint on the config's test data.

The checkpoint must hold exactly the config's model: one that does not fit is refused with the list of what does not.
"""

import argparse

from _command import OneLineParser, add_config_arguments, keep_few_kernels, run


def parse_args() -> argparse.Namespace:
    parser = OneLineParser(__doc__)
    add_config_arguments(parser, checkpoint=True)
    parser.add_argument('--work-dir', help="where the log and the scores go (default: work_dirs/<the config's name>)")
    parser.add_argument('--out', metavar='DIR', help='write the predicted labels there, a PNG of indices an image')
    parser.add_argument('--show-dir', metavar='DIR', help='write pictures of truth and prediction there')
    parser.add_argument(
        '--tta', action='store_true', help="test-time augmentation: the config's tta_pipeline and tta_model"
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    keep_few_kernels()
    from mmseg_vitseg.checkpoints.strict import load_checkpoint
    from mmseg_vitseg.engine.launch import build_runner, load_config, segmentor_of, set_outputs, set_tta

    cfg = load_config(args.config, options=args.cfg_options, work_dir=args.work_dir, launcher=args.launcher)
    cfg.load_from, cfg.resume = None, False  # loaded below: the host skips keys that do not fit
    set_outputs(cfg, labels=args.out, pictures=args.show_dir)
    if args.tta:
        set_tta(cfg)
    runner = build_runner(cfg)
    load_checkpoint(segmentor_of(runner.model), args.checkpoint)
    scores = runner.test()
    if runner.rank == 0:
        print('  '.join(f'{name} {value:.2f}' for name, value in scores.items()))


if __name__ == '__main__':
    run(main)
