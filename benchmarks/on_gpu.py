"""Check the project on a GPU, in eight minutes: is it right there, how fast is it, what does it launch, does it compile?

  python benchmarks/on_gpu.py --out DIR                          all but compile and e2e, the most valuable first
  python benchmarks/on_gpu.py --out DIR --only compile           these two take four minutes each
  python benchmarks/on_gpu.py --out DIR --only env,parts,train
  python benchmarks/on_gpu.py --out DIR --device cpu --quick     does the script itself run?

Each phase is a process with a limit of its own. Rows are written to DIR/rows.jsonl as they are measured, output to
DIR/PHASE.log, a table to DIR/table.md. The status is 0 if all went, 1 if something did not, 2 where there is no GPU.
It needs a clone and the host, and neither data, nor a checkpoint, nor a network.
"""

import argparse
import importlib
import os
import signal
import sys
import time
import warnings
from pathlib import Path

HERE = Path(__file__).resolve()
ROOT = str(HERE.parents[1])
sys.path.insert(1, ROOT)  # this clone's package, installed or not

# phase -> its module in gpu/, and its limit in seconds: the first one has to read torch from a disk
PHASES = {
    'env': ('env', 60),
    'tests': ('tests', 120),
    'parts': ('parts', 60),
    'train': ('against_host', 100),
    'predict': ('against_host', 60),
    'dino': ('dino', 60),
    'eomt': ('eomt', 60),
    'launches': ('launches', 100),
    'compile': ('compiled', 240),
    'e2e': ('e2e', 200),
}
APART = ('compile', 'e2e')  # by name only: with these no budget of eight minutes is enough
LEAST = 10  # seconds in which a phase can do something
END = 8  # seconds kept for the end of a phase that is over its limit, and for the table
SEND_TO = 'as a pull request that adds them to benchmarks/: benchmarks/README.md, "On a GPU"'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='where rows, logs and the table go')
    parser.add_argument('--device', choices=('cuda', 'cpu'), default='cuda', help='(default: cuda)')
    parser.add_argument('--quick', action='store_true', help='tiny sizes, each step once: figures mean nothing')
    parser.add_argument('--budget', type=float, default=500, metavar='SECONDS', help='of all phases (default: 500)')
    usual = ','.join(phase for phase in PHASES if phase not in APART)
    parser.add_argument(
        '--only', default=usual, metavar='PHASE,...', help=f'of {", ".join(PHASES)} (default: %(default)s)'
    )
    parser.add_argument('--phase', choices=PHASES, help=argparse.SUPPRESS)  # what this process is started for
    args = parser.parse_args()
    args.only = [name for name in args.only.split(',') if name]
    if wrong := [name for name in args.only if name not in PHASES]:
        parser.error(f'--only {wrong[0]}: allowed: {", ".join(PHASES)}')
    return args


def main() -> int:
    """Return the exit status."""
    began = time.monotonic()
    args = parse_args()
    if args.phase:
        return run_phase(args)
    import torch

    if args.device == 'cuda' and not torch.cuda.is_available():
        print('no GPU that torch can use is here; to try the script itself: --device cpu --quick', file=sys.stderr)
        return 2
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        print(f'--out {args.out}: {error.strerror}; name a folder, one that can be written to', file=sys.stderr)
        return 2
    os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, [ROOT, os.environ.get('PYTHONPATH')]))
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda *_: sys.exit(1))  # so that the phase is ended too
    return run_all(args, began + args.budget - END)


def run_phase(args: argparse.Namespace) -> int:
    """Run a phase in this process."""
    warnings.simplefilter('ignore')
    from gpu.session import Session

    session = Session(args.phase, args.out, args.device, args.quick)
    importlib.import_module(f'gpu.{PHASES[args.phase][0]}').run(session)
    return int(session.failed)


def run_all(args: argparse.Namespace, deadline: float) -> int:
    """Run the phases, each in a process of its own, until a time of time.monotonic, and show their rows."""
    from gpu.limits import last_lines, run_limited
    from gpu.markdown import read_rows, to_markdown

    rows = args.out / 'rows.jsonl'
    rows.unlink(missing_ok=True)
    failed = False
    for phase in filter(args.only.__contains__, PHASES):
        left = deadline - time.monotonic()
        if left < LEAST:
            print(f'{phase}: no time left', flush=True)
            failed = True
            continue
        began, log = time.monotonic(), args.out / f'{phase}.log'
        command = [sys.executable, str(HERE), '--phase', phase, '--out', str(args.out), '--device', args.device]
        limit = left if args.quick else min(PHASES[phase][1], left)  # of a CPU, nobody knows how slow
        status = run_limited([*command, *['--quick'] * args.quick], limit, log)
        print(f'{phase}: {status or "done"}, {time.monotonic() - began:.0f} s', flush=True)
        if status:
            failed = True
            print(*(f'    {line}' for line in last_lines(log)), sep='\n', flush=True)
    table = to_markdown(read_rows(rows))
    (args.out / 'table.md').write_text(table + '\n')
    print(f'\n{table}\n\nrows: {rows}, table: {args.out / "table.md"}; send both {SEND_TO}')
    return int(failed)


if __name__ == '__main__':
    sys.exit(main())
