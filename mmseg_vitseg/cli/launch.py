"""torchrun, whose end is a line that says which process failed and why. It takes torchrun's arguments.

  mmseg-vitseg launch --nproc_per_node 4 -m mmseg_vitseg train setr_pup_ade20k --launcher pytorch

In a clone tools/dist_train.sh and dist_test.sh start it.
"""

import argparse
import contextlib
import io
import logging
import os
import signal
import sys
from pathlib import Path

from mmseg_vitseg.cli.called import program
from mmseg_vitseg.cli.ending import end_interrupted
from mmseg_vitseg.cli.next_step import next_step
from mmseg_vitseg.cli.one_line_errors import LOST, TRACEBACK, fail


def parse_args(arguments: list[str]) -> argparse.Namespace:
    from torch.distributed import run as torchrun

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            args = torchrun.parse_args(arguments)
    except SystemExit as end:
        if end.code == 0:  # --help
            raise
        fail(f'{said.getvalue().strip().rpartition("error: ")[2]}; see {program("launch")} --help')
    if not (args.module or args.no_python or Path(args.training_script).exists()):
        fail(f'{args.training_script}: no such file; one of our commands is launched as -m mmseg_vitseg NAME')
    return args


def main(args: argparse.Namespace) -> None:
    from torch.distributed import DistNetworkError
    from torch.distributed import run as torchrun
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    if not os.environ.get(TRACEBACK):
        logging.disable(logging.ERROR)  # torchrun's account of the same, with tracebacks of its own code
    try:
        torchrun.run(args)
    except SignalException as end:  # torchrun has sent it on to all
        end_interrupted(end.sigval)
    except DistNetworkError as error:
        hint = f'; PORT={args.master_port + 1} takes another port' if 'EADDRINUSE' in str(error) else ''
        raise OSError(f'{error}{hint}') from error
    except ChildFailedError as error:
        lines, status = account(error.failures)
        print(*(f'error: {line}' for line in lines), sep='\n', file=sys.stderr)
        sys.exit(status)


def account(failures: dict) -> tuple[list[str], int]:
    """Return a line for each thing that went wrong, and the exit status.

    Args:
        failures: torchrun's, by rank. Where one process ends, the others lose it and torchrun ends them: they say least.
    """
    spoken = {rank: one.message['message'] for rank, one in failures.items() if isinstance(one.message, dict)}
    if causes := {rank: text for rank, text in spoken.items() if not text.startswith(LOST)}:
        return shared(causes, len(failures)), 2
    for rank, one in failures.items():
        if rank not in spoken and one.exitcode != -signal.SIGTERM:
            how = f'was ended by {one.signal_name()}' if one.exitcode < 0 else f'ended with status {one.exitcode}'
            memory = ' (too little memory?)' if one.exitcode == -signal.SIGKILL else ''
            status = one.exitcode if one.exitcode > 0 else 128 - one.exitcode
            return [f'rank {rank} {how}{memory}; {next_step()}'], status
    return shared(spoken, len(failures)) or ['every process was ended by SIGTERM'], 2


def shared(texts: dict[int, str], processes: int) -> list[str]:
    """Return the lines of all processes' texts, each once, with the ranks that say it where not all do."""
    ranks: dict[str, list[int]] = {}
    for rank, text in sorted(texts.items()):
        for line in text.splitlines():
            ranks.setdefault(line, []).append(rank)
    return [
        line if len(found) == processes else f'rank {", ".join(map(str, found))}: {line}'
        for line, found in ranks.items()
    ]
