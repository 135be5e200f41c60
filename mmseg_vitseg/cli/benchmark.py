"""Measure models side by side: latency, images a second, peak memory, FLOPs, parameters, and whether results are equal.

  python tools/benchmark.py configs/segformer_b0_ade20k.py --against stock     with MMSegmentation's own model
  python tools/benchmark.py configs/segformer_b2_ade20k.py --against hf        with Hugging Face's; EoMT, ViT, DINO too
  python tools/benchmark.py configs/setr_pup_ade20k.py --mode train --dtype bfloat16
  python tools/benchmark.py --suite --markdown                                 what benchmarks/ publishes, in an hour
  python tools/benchmark.py configs/segformer_b0_ade20k.py --against stock --count    what a GPU would do, without one

It needs a config, and neither data nor a checkpoint: weights and images are random. On a terminal it prints a table; into a
file or a pipe Markdown, and as the last line one JSON object.
"""

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mmseg_vitseg.cli.arguments import (
    OneLineParser,
    add_device_argument,
    add_matmul_precision_argument,
    add_options_argument,
    add_shape_argument,
    positive,
)
from mmseg_vitseg.cli.called import command_line
from mmseg_vitseg.cli.progress import shown_progress
from mmseg_vitseg.config.shipped import FOLDER, find_config

PLOTS = ('.png', '.pdf', '.svg')


def parse_args(arguments: list[str]) -> argparse.Namespace:
    parser = OneLineParser('benchmark', __doc__)
    add_what(parser)
    add_how(parser)
    parser.add_argument('--json', metavar='FILE', help='write the rows there, as one JSON object')
    parser.add_argument('--plot', metavar='FILE.png', help='draw latency against peak memory there')
    parser.add_argument(
        '--markdown', action='store_true', help='print the table as Markdown (default: where the output is no terminal)'
    )
    args = parser.parse_args(arguments)
    if args.suite is not None and (args.configs or args.against or args.cfg_options):
        parser.error('--suite has its own configs, options and what they are compared with')
    if args.suite is None and not args.configs:
        parser.error('no CONFIG; write it before --against and --cfg-options, which take all that follows')
    if args.count:
        flags = dict(
            repeats=args.repeats,
            plot=args.plot,
            compile=args.compile,
            device=args.device,
            threads=args.threads,
        )
        if given := [f'--{name}' for name, value in flags.items() if value]:
            parser.error(f'--count times nothing and needs no device; not allowed with it: {", ".join(given)}')
    if args.plot and Path(args.plot).suffix.lower() not in PLOTS:
        parser.error(f'--plot {args.plot}: allowed: {", ".join(PLOTS)}')
    return args


def add_what(parser: OneLineParser) -> None:
    """Add what is measured."""
    parser.add_argument('configs', nargs='*', metavar='CONFIG', help='config files; write them before the flags')
    parser.add_argument(
        '--against',
        nargs='+',
        default=[],
        metavar='stock|hf|CONFIG',
        help="compared with: stock, MMSegmentation's own model; hf, Hugging Face's (needs transformers); or other configs",
    )
    parser.add_argument(
        '--suite',
        nargs='?',
        const='',
        metavar='TEXT',
        help='measure what benchmarks/ publishes, or of it the models whose names contain TEXT; takes no CONFIG',
    )
    add_options_argument(parser)


def add_how(parser: OneLineParser) -> None:
    """Add how it is measured."""
    parser.add_argument(
        '--mode',
        choices=('predict', 'forward', 'train'),
        help='what a step is: images to labels, images to logits, or training (default: predict)',
    )
    add_shape_argument(parser, 'the images, in pixels (default: 512 512)')
    parser.add_argument(
        '--batch-size', type=positive, metavar='N', help='images in a step (default: 1; of --suite in training 2)'
    )
    types = ('float32', 'bfloat16', 'float16')
    parser.add_argument(
        '--dtype', choices=types, default='float32', help='number type to compute in, by autocast (default: float32)'
    )
    add_matmul_precision_argument(parser, 'highest')
    compiled = 'compile the models with torch.compile, which takes minutes; steps that compile are not timed'
    parser.add_argument('--compile', action='store_true', help=compiled)
    add_device_argument(parser)
    parser.add_argument(
        '--count',
        action='store_true',
        help='time nothing; count what a CUDA device would be asked to do in a step: kernels launched, those of loss or '
        'labels, waits, bytes moved. It takes seconds and no GPU. Training is counted without the optimizer; '
        'MMSEG_VITSEG_FUSED=0 in the environment counts it without our own kernels',
    )
    parser.add_argument(
        '--repeats',
        type=positive,
        metavar='N',
        help='how many times each model is timed (default: until the medians are stable)',
    )
    parser.add_argument(
        '--threads', type=positive, metavar='N', help="threads on the CPU (default: torch's, one a core)"
    )


def main(args: argparse.Namespace) -> None:
    import torch

    from mmseg_vitseg.inference.model import usable_device
    from mmseg_vitseg.machine import set_matmul_precision

    if args.threads:
        torch.set_num_threads(args.threads)
    if args.float32_matmul_precision:
        set_matmul_precision(args.float32_matmul_precision)
    args.device = 'meta' if args.count else usable_device(args.device)
    for path in filter(None, [args.json, args.plot]):
        if not Path(path).resolve().parent.is_dir():
            raise FileNotFoundError(f'{path}: its folder does not exist; make it first')
        if Path(path).is_dir():
            raise IsADirectoryError(f'{path}: a folder; name a file')
    show_rows(measured(args), args)


def measured(args: argparse.Namespace) -> list:
    """Measure or count all runs; return their rows."""
    from mmseg_vitseg.benchmark.counting.steps import count_side_by_side
    from mmseg_vitseg.benchmark.measuring import measure_side_by_side

    side_by_side = count_side_by_side if args.count else partial(measure_side_by_side, repeats=args.repeats)
    doing = 'counting' if args.count else 'measuring'
    rows = []
    with shown_progress() as progress:
        for name, variants, settings in runs(args):
            what = f'{name}, {settings.mode}'
            if not sys.stderr.isatty():  # where there is no progress to see
                print(f'{doing} {what}', file=sys.stderr, flush=True)
            rows += side_by_side(
                name,
                variants,
                settings,
                progress=lambda step: progress(f'{what}, {step}'),  # noqa: B023 -- called in this round only
            )
    return rows


def show_rows(rows: list, args: argparse.Namespace) -> None:
    """Print the rows, and write what else is asked for."""
    from mmseg_vitseg.atomic import whole
    from mmseg_vitseg.benchmark.tables import plot, print_table, to_json, to_markdown
    from mmseg_vitseg.ops import linear
    from mmseg_vitseg.ops.fused import setting

    shown = sys.stdout.isatty() and not args.markdown
    if shown:
        print_table(rows)
    else:
        print(to_markdown(rows, args.device, command_line([setting.VARIABLE, linear.VARIABLE])) + '\n')
    result = to_json(rows, args.device)
    if args.json:
        with whole(Path(args.json)) as temporary:
            temporary.write_text(result + '\n')
    if args.plot:
        plot(rows, args.plot)
    if not shown:
        print(result)


def runs(args: argparse.Namespace) -> Iterator[tuple]:
    """Yield what is to be measured together: a name, the variants, the settings."""
    from mmseg_vitseg.benchmark.variants import Settings

    common = dict(
        dtype=args.dtype,
        matmul_precision=args.float32_matmul_precision or Settings.matmul_precision,
        compile=args.compile,
        device=args.device,
        threads=args.threads,
    )
    if args.suite is None:
        batch, shape = args.batch_size or 1, tuple(args.shape or (512, 512))
        settings = Settings(mode=args.mode or 'predict', shape=shape, batch_size=batch, **common)
        for name, variants in config_runs(args):
            yield name, variants, settings
        return
    from mmseg_vitseg.benchmark.suite import MODES, chosen_cases

    for mode, case in chosen_cases(args.suite, [args.mode] if args.mode else MODES):
        batch, shape = args.batch_size or (2 if mode == 'train' else 1), tuple(args.shape or case.shape)
        settings = Settings(mode=mode, shape=shape, batch_size=batch, **common)
        yield case.name, case.variants(FOLDER), settings


def config_runs(args: argparse.Namespace) -> Iterator[tuple]:
    """Yield each config's name, and its variants."""
    from mmseg_vitseg.benchmark.random_weights import untrained_config
    from mmseg_vitseg.benchmark.variants import Variant

    others = [one for one in args.against if one not in ('stock', 'hf')]
    if missing := [one for one in others if not find_config(one).is_file()]:
        raise FileNotFoundError(
            f"--against {missing[0]}: allowed: 'stock', 'hf', and config files; there is no such file"
        )
    for config in [*args.configs, *others]:
        untrained_config(config, args.cfg_options)  # a mistake shows before anything is measured
    for config in args.configs:
        options = args.cfg_options or {}
        variants = [Variant('ours', config, options=options)]
        for other in dict.fromkeys(args.against):
            twin = other in ('stock', 'hf')
            name = other if twin else Path(other).stem
            variants.append(Variant(name, config if twin else other, other if twin else 'config', options))
        yield Path(config).stem, variants
