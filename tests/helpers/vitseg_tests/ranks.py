"""Processes on the CPU, at no start: forked from this one."""

import os
import queue
import tempfile
import traceback
from collections.abc import Callable

import torch


def on_ranks(count: int, work: Callable) -> list:
    """Run a function in that many processes, in a bounded time: returns what each returns, or its traceback."""
    context = torch.multiprocessing.get_context('fork')
    answers = context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        meeting = f'file://{folder}/place'
        processes = [
            context.Process(target=_be_a_rank, args=(number, count, meeting, work, answers)) for number in range(count)
        ]
        for process in processes:
            process.start()
        try:
            found = [answers.get(timeout=60) for _ in processes]
        except queue.Empty:
            raise AssertionError('a rank hangs, or ended without a word') from None
        finally:
            for process in processes:
                process.join(1)
                process.kill()
    return [answer for _, answer in sorted(found)]


def _be_a_rank(number: int, count: int, meeting: str, work: Callable, answers) -> None:
    """Join the others, work, say what became of it."""
    os.environ.update(RANK=str(number), WORLD_SIZE=str(count), LOCAL_RANK=str(number), MKL_NUM_THREADS='1')
    os.environ.update(MASTER_ADDR='unused', MASTER_PORT='0')
    try:
        if count > 1:
            torch.distributed.init_process_group('gloo', init_method=meeting, rank=number, world_size=count)
        answers.put((number, work()))
    except BaseException:
        traceback.print_exc()  # whole; a comparison shows the beginning
        answers.put((number, traceback.format_exc()))
