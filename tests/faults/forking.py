"""Starts tools as processes, one at a time, each from a copy of this one: with "warm", all that is heavy is imported once.

A line of JSON in, {"folder": ..., "command": [...]}: two lines out, its process id and, when it has ended, its status.
"""

import contextlib
import json
import os
import runpy
import signal
import sys
import warnings


def import_all() -> None:
    import mmengine.runner.runner
    import mmseg.models  # noqa: F401

    import mmseg_vitseg.checking.checks
    import mmseg_vitseg.datasets
    import mmseg_vitseg.engine.running.runner
    import mmseg_vitseg.models  # noqa: F401

    mmengine.runner.runner.collect_env = dict  # what the host's log says takes it half a second


def become(folder: str, command: list[str]) -> None:
    """Be the child: a group of its own, output to files, as a shell's foreground job."""
    os.setsid()
    os.chdir(folder)
    for number, name in ((0, os.devnull), (1, 'stdout.txt'), (2, 'stderr.txt')):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = command
    sys.path[0] = os.path.dirname(command[0])
    runpy.run_path(command[0], run_name='__main__')


if __name__ == '__main__':
    answers = os.fdopen(os.dup(1), 'w')
    if sys.argv[1] == 'warm':
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter('ignore')  # what the host says while it is imported
            import_all()
    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            become(**json.loads(line))
            break
        print(child, file=answers, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=answers, flush=True)
