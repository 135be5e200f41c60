"""Threads ahead of the one that computes, and behind it: what lies between them is bounded in number and in bytes."""

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from torch import Tensor

BYTES = 256 * 2**20  # that may wait between two threads; a single thing of more may, too
T = TypeVar('T')


class Room:
    """Space for so many things, of so many bytes together; where there is none, one of any size fits.

    Args:
        most: things.
        size: bytes.
    """

    def __init__(self, most: int, size: int = BYTES):
        self.most, self.size = most, size
        self.things = self.bytes = 0
        self.closed = False
        self.changed = threading.Condition()

    def take(self, size: int) -> bool:
        """Wait until a thing of ``size`` bytes fits; false if there is to be nothing more."""
        with self.changed:
            self.changed.wait_for(lambda: self.closed or self._fits(size))
            self.things += 1
            self.bytes += size
            return not self.closed

    def _fits(self, size: int) -> bool:
        return not self.things or (self.things < self.most and self.bytes + size <= self.size)

    def give(self, size: int) -> None:
        """Give back what a thing took."""
        with self.changed:
            self.things -= 1
            self.bytes -= size
            self.changed.notify_all()

    def close(self) -> None:
        """Let no more in; who waits goes on."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()


def size_of(sample: dict) -> int:
    """Return the bytes of a picture as it goes into the model, with all that is known of it."""
    return sum(value.nbytes for value in sample.values() if isinstance(value, (np.ndarray, Tensor)))


def ahead(samples: Iterable[dict], most: int) -> Generator[dict, None, None]:
    """Yield pictures in their order, which one thread makes in advance; its errors are raised here.

    Closing the generator ends the thread, when it has made the picture that it is at: use ``contextlib.closing``.

    Args:
        samples: made in that thread alone.
        most: how many may wait, beside the one that is being made.
    """
    room = Room(most)
    line: SimpleQueue[dict | BaseException | None] = SimpleQueue()

    def make() -> None:
        try:
            for sample in samples:
                if not room.take(size_of(sample)):
                    return
                line.put(sample)
            line.put(None)
        except BaseException as error:
            line.put(error)

    thread = threading.Thread(target=make, name='ahead', daemon=True)
    try:
        thread.start()
        while (made := line.get()) is not None:
            if isinstance(made, BaseException):
                raise made
            room.give(size_of(made))
            yield made
    finally:
        room.close()
        thread.join()


class Behind:
    """Threads that do what is asked of them while the caller goes on; a context, at whose end all is done.

    The first error of theirs is raised by the next ``submit``, or at the end; after it, or one of the caller, what has not
    begun is not done.

    Args:
        threads: how many; one does everything in the order in which it was asked.
        most: how many things may be under way.
    """

    def __init__(self, threads: int, most: int):
        self.pool = ThreadPoolExecutor(threads, 'behind')
        self.room = Room(most)
        self.error: BaseException | None = None

    def submit(self, size: int, work: Callable[..., T], *args: Any) -> Future[T]:
        """Ask for ``work(*args)``, which has ``size`` bytes in its arguments; wait while too much is under way."""
        self.room.take(size)
        self._raise()
        future = self.pool.submit(work, *args)
        future.add_done_callback(lambda done: self._end(done, size))
        return future

    def _end(self, done: Future, size: int) -> None:
        if not done.cancelled():
            self.error = self.error or done.exception()
        self.room.give(size)

    def _raise(self) -> None:
        if self.error is not None:
            raise self.error

    def __enter__(self) -> 'Behind':
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.pool.shutdown(cancel_futures=error is not None)
        if error is None:
            self._raise()
