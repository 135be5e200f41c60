"""Find the mistakes in a config that would cost a training: classes, labels, sizes, channels, weights, schedules.

  python tools/check_config.py configs/quickstart.py --data

Any config of MMSegmentation's will do. Nothing is trained; without --data no data are needed. tools/train.py makes the same
checks by itself, without --data. Exit status: 0 nothing found, 1 something found, 2 the config cannot be read.
"""

import argparse
import sys

from mmseg_vitseg.cli.arguments import OneLineParser, add_config_arguments, add_launcher_argument
from mmseg_vitseg.cli.progress import shown_bars


def parse_args(arguments: list[str]) -> argparse.Namespace:
    parser = OneLineParser('check_config', __doc__)
    add_config_arguments(parser)
    add_launcher_argument(parser)
    parser.set_defaults(launcher=None)  # not said: SyncBN may have the GPUs that it is meant for
    parser.add_argument(
        '--data',
        action='store_true',
        help='look at a sample of the pictures and masks too: labels, sizes, damage; of pictures that are not colours of '
        '8 bits, say what they hold, and which settings fit',
    )
    return parser.parse_args(arguments)


def main(args: argparse.Namespace) -> None:
    from mmseg_vitseg.checking.checks import check_config
    from mmseg_vitseg.checking.findings import ERROR
    from mmseg_vitseg.checking.proposed_bands import propose_bands
    from mmseg_vitseg.config.reading import read_config

    cfg = read_config(args.config, args.cfg_options)
    if args.launcher is not None:
        cfg.launcher = args.launcher
    with shown_bars() as bars:

        def shown(indices, name):
            return bars.track(indices, description=name)

        findings = check_config(cfg, shown if args.data else None)
        proposed = [*propose_bands(cfg, shown)] if args.data else []
    print(*proposed, sep='\n', end='\n' if proposed else '')
    for finding in findings:
        print(f'{finding.severity}: {finding.key}\n  {finding.what}\n  why: {finding.why}\n  fix: {finding.fix}')
    if not findings:
        print(f'{args.config}: nothing found')
        return
    errors = sum(finding.severity == ERROR for finding in findings)
    print(f'{args.config}: errors {errors}, warnings {len(findings) - errors}')
    sys.exit(1)
