"""Threads ahead and behind: order, bounds, errors, and that none is left."""

import threading
from contextlib import closing
from itertools import count

import numpy as np
import pytest

from mmseg_vitseg.inference import threads
from mmseg_vitseg.inference.threads import Behind, Room, ahead

SECONDS = 30  # that something may take which is to happen


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) == before


def samples(made, size=1):
    for number in count():
        made.append(number)
        yield dict(number=number, inputs=np.zeros(size, np.uint8))


@pytest.mark.parametrize(('size', 'waiting'), [(1, 3), (40, 2), (200, 1)], ids=['by number', 'by bytes', 'one always'])
def test_so_many_wait_and_so_many_bytes(monkeypatch, size, waiting):
    monkeypatch.setattr(Room.__init__, '__defaults__', (100,))
    made, full = [], threading.Event()
    take = Room.take

    def watched(room, taken):
        if not room._fits(taken):
            full.set()
        return take(room, taken)

    monkeypatch.setattr(Room, 'take', watched)
    with closing(ahead(samples(made, size), 3)) as line:
        assert next(line)['number'] == 0
        full.clear()
        assert full.wait(SECONDS)
        assert len(made) == 1 + waiting + 1  # taken, waiting, and the one that does not fit yet
        assert [next(line)['number'] for _ in range(5)] == [1, 2, 3, 4, 5]


def test_errors_come_in_their_place():
    def some():
        yield dict(number=0)
        raise ValueError('the second')

    line = ahead(some(), 3)
    assert next(line) == dict(number=0)
    with pytest.raises(ValueError, match='the second'):
        next(line)
    assert list(ahead(iter([]), 3)) == []


@pytest.mark.parametrize('late', [False, True], ids=['next submit', 'at the end'])
def test_an_error_behind_ends_it(late):
    done = []

    def work(number):
        if number == 1:
            raise OSError('no space')
        done.append(number)

    with pytest.raises(OSError, match='no space'), Behind(1, 2) as behind:
        for number in range(2 if late else 1000):
            behind.submit(0, work, number)
    assert done[0] == 0
    assert len(done) < 5


def test_after_an_error_of_the_caller_what_has_not_begun_is_not_done():
    begun, go, done = threading.Event(), threading.Event(), []

    def work(number):
        begun.set()
        assert go.wait(SECONDS)
        done.append(number)

    with pytest.raises(KeyboardInterrupt), Behind(1, 5) as behind:
        for number in range(3):
            behind.submit(threads.BYTES // 4, work, number)
        assert begun.wait(SECONDS)
        threading.Timer(0.2, go.set).start()
        raise KeyboardInterrupt
    assert done == [0]
