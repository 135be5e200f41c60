"""Evaluate a checkpoint on the config's test data: the IoU of each class, mIoU (their mean), and the shares of right pixels,
aAcc (of all) and mAcc (the mean over the classes), in percent.

The checkpoint must hold exactly the config's model: one that does not fit is refused with the list of what does not.

  python tools/test.py configs/quickstart.py work_dirs/quickstart/epoch_7.pth --show-dir shown
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
        help='write the predicted labels there: DIR/NAME.png for each picture, in its subfolder. The numbers are those of '
        "the data set's masks: a class's index from 0, or with reduce_zero_label one more (where metainfo.classes picks "
        'some, their index among these). Of several data sets with pictures of one name each has a folder: 1, 2 ...',
    )
    parser.add_argument(
        '--show-dir',
        metavar='DIR',
        help='write pictures there, truth on the left and prediction on the right: DIR/NAME.png, named as in --out',
    )
    parser.add_argument(
        '--tta',
        action='store_true',
        help="predict each image also flipped and resized, and take the mean (the config's tta_pipeline and tta_model)",
    )
    parser.add_argument(
        '--calibration',
        action='store_true',
        help='print also how far confidence is accuracy: the reliability table and ECE, the expected calibration error in '
        'percent (docs/confidence.md)',
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
