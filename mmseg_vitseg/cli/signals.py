"""Ctrl-C and SIGTERM end a tool at any moment, tidily: once, for good, and without a word from the processes it started."""

import contextlib
import os
import signal
import sys
import threading
from types import FrameType, TracebackType

from mmseg_vitseg.cli.starting import import_host

ANOTHER_MOMENT = 0.01  # seconds
PATIENCE = 500  # moments that an import is given


def stop_by_exception() -> list[int]:
    """Let SIGTERM, which Slurm and Docker send, end the program as Ctrl-C does: what is half-written is taken away.

    It waits for a module that is being imported, but for those at the start: C++ imports too, and an exception there ends
    the process with an abort. Of the same signal a second one ends it at once. The other one is ignored from then on:
    torchrun sends it on top.
    The processes that it forks, a data loader's workers, leave both to it.

    Returns:
        where the number of the signal will be.
    """
    received: list[int] = []
    process, show = os.getpid(), sys.unraisablehook
    moments = iter(range(PATIENCE))
    kinds = [kind for kind in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(kind) != signal.SIG_IGN]

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getpid() != process:
            return
        if is_importing(frame) and next(moments, None) is not None:
            send_later(number)
            return
        received.append(number)
        for kind in kinds:
            signal.signal(kind, signal.SIG_DFL if kind == number else signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # torch makes an error of workers that end as we do
        raise KeyboardInterrupt

    def stop_later(dropped: 'sys.UnraisableHookArgs') -> None:
        """Raise it again where Python dropped it: it does while it forks or deletes an object."""
        if not (received and issubclass(dropped.exc_type, KeyboardInterrupt)):
            show(dropped)
            return
        signal.signal(received[0], stop)
        send_later(received[0])

    for kind in kinds:
        signal.signal(kind, stop)
    sys.unraisablehook = stop_later
    return received


def send_later(number: int) -> None:
    """Send a signal to this process in another moment."""
    with contextlib.suppress(RuntimeError):  # no thread starts any more: this is the end
        threading.Timer(ANOTHER_MOMENT, signal.pthread_kill, (threading.main_thread().ident, number)).start()


def is_importing(frame: FrameType | None) -> bool:
    """Tell whether a frame imports a module, other than the host at the start (starting.py)."""
    codes = []
    while frame is not None:
        codes.append(frame.f_code)
        frame = frame.f_back
    imports = any(code.co_filename == '<frozen importlib._bootstrap>' for code in codes)
    return imports and import_host.__code__ not in codes


def silence_handing_over() -> None:
    """Have a data loader's worker say nothing where the training ends while it takes a batch from the worker.

    Python hands the memory over in a thread of the worker, and that thread shows what went wrong by itself.
    """
    process, show = os.getpid(), sys.excepthook

    def show_own(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if os.getpid() == process or threading.current_thread() is threading.main_thread():
            show(kind, error, trace)

    sys.excepthook = show_own
