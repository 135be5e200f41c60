"""Look a config over for mistakes that would cost a training: classes, labels, sizes, channels, weights, schedules.

Any config of MMSegmentation's will do; nothing is trained, and without --data no data are needed. Exit status: 0 nothing
found, 1 something found, 2 the config cannot be read. tools/train.py makes the same checks by itself, without --data.

  python tools/check_config.py configs/quickstart.py --data
"""

import argparse
import sys

from mmseg_vitseg.cli.arguments import OneLineParser, add_config_arguments, add_launcher_argument


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
    from rich.console import Console
    from rich.progress import track

    from mmseg_vitseg.checking.checks import check_config
    from mmseg_vitseg.checking.findings import ERROR
    from mmseg_vitseg.checking.proposed_bands import propose_bands
    from mmseg_vitseg.config.reading import read_config

    cfg = read_config(args.config, args.cfg_options)
    if args.launcher is not None:
        cfg.launcher = args.launcher
    console = Console(stderr=True)

    def shown(indices, name):
        return track(indices, description=name, console=console)

    findings = check_config(cfg, shown if args.data else None)
    for line in propose_bands(cfg, shown) if args.data else ():
        print(line)
    for finding in findings:
        print(f'{finding.severity}: {finding.key}\n  {finding.what}\n  why: {finding.why}\n  fix: {finding.fix}')
    if not findings:
        print(f'{args.config}: nothing found')
        return
    errors = sum(finding.severity == ERROR for finding in findings)
    print(f'{args.config}: errors {errors}, warnings {len(findings) - errors}')
    sys.exit(1)
