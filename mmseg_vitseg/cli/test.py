"""Evaluate a checkpoint on the config's test data: how well it does, in percent.

  python tools/test.py configs/quickstart.py work_dirs/quickstart/epoch_7.pth
  python tools/test.py configs/quickstart.py work_dirs/quickstart/epoch_7.pth --show-dir shown

It prints the IoU of each class (what prediction and truth share, of what either has) and mIoU, their mean; Acc, the share
of a class's pixels that are found, and mAcc, their mean; and aAcc, the share of all pixels that are right. The checkpoint
must hold exactly the config's model: one that does not fit is refused, with the list of what does not.
"""

import argparse
import math

from mmseg_vitseg.cli.arguments import OneLineParser, add_config_arguments, add_runner_arguments
from mmseg_vitseg.cli.called import as_called
from mmseg_vitseg.cli.one_line_errors import fail


def parse_args(arguments: list[str]) -> argparse.Namespace:
    parser = OneLineParser('test', __doc__)
    add_config_arguments(parser, checkpoint=True)
    add_runner_arguments(parser)
    parser.add_argument(
        '--out',
        metavar='DIR',
        help='write what is predicted there: DIR/NAME.png for each picture, in its subfolder. A pixel has the number of its '
        'class: 0 for the first one, or 1 with reduce_zero_label; it has not the colours or values that LoadMask read. '
        'Of several data sets with pictures of one name, each has a folder: 1, 2 ...',
    )
    parser.add_argument(
        '--show-dir',
        metavar='DIR',
        help='write pictures there, truth on the left and prediction on the right: DIR/NAME.png, named as in --out',
    )
    parser.add_argument(
        '--tta',
        action='store_true',
        help='test-time augmentation: predict each picture also flipped and in other sizes, and take the mean, as '
        "the config's tta_pipeline and tta_model say",
    )
    parser.add_argument(
        '--calibration',
        action='store_true',
        help='print also how far the model is as often right as it is sure: the reliability table, and ECE, the expected '
        'calibration error, in percent (docs/confidence.md)',
    )
    return parser.parse_args(arguments)


def main(args: argparse.Namespace) -> None:
    from mmseg_vitseg.checkpoints.loading import load_weights, read_whole_model
    from mmseg_vitseg.datasets.class_names import check_tested_classes
    from mmseg_vitseg.engine.running.calibration import set_calibration
    from mmseg_vitseg.engine.running.command_line import load_config, set_outputs
    from mmseg_vitseg.engine.running.runner import build_runner, segmentor_of
    from mmseg_vitseg.engine.running.tta import set_tta

    weights, meta = read_whole_model(args.checkpoint)  # if it is missing or damaged, that is said before the work
    cfg = load_config(args.config, options=args.cfg_options, work_dir=args.work_dir, launcher=args.launcher)
    cfg.pop('runner_type', None)  # for training: a test holds the whole model
    cfg.pop('strategy', None)
    cfg.load_from, cfg.resume = None, False  # loaded below: the host skips keys that do not fit
    set_outputs(cfg, labels=args.out, pictures=args.show_dir)
    if args.tta:
        set_tta(cfg)
    if args.calibration:
        set_calibration(cfg)
    runner = build_runner(cfg)
    model = segmentor_of(runner.model)
    load_weights(model, weights, args.checkpoint)
    check_tested_classes(cfg, model, meta, args.checkpoint)
    scores = runner.test()
    if runner.rank == 0 and scores:
        print('  '.join(f'{name} {value:.2f}' for name, value in scores.items()))
    if scores and all(map(math.isnan, scores.values())):
        fail(
            'no scores: every pixel of the test data is ignored; '
            + as_called(f'python tools/check_config.py {args.config} --data says what is in the masks')
        )
