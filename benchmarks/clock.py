"""A clock of what parts of a program take of its processor."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SLOWER = 3  # first batches of a phase, which make what later ones find


class Clock:
    """Processor time of this process by unit and part; a part inside another one counts for itself alone."""

    def __init__(self) -> None:
        self.seconds: defaultdict[tuple[str, str], float] = defaultdict(float)
        self.batches: Counter[str] = Counter()
        self.done = Counter(once=1, epoch=1, validation=1)
        self.unit = 'once'
        self.parts = ['start']
        self.last = 0.0

    def turn(self) -> None:
        """Count what has passed for the innermost part."""
        now = time.process_time()
        self.seconds[self.unit, self.parts[-1]] += now - self.last
        self.last = now

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what is inside for a part."""
        self.turn()
        self.parts.append(name)
        try:
            yield
        finally:
            self.turn()
            self.parts.pop()

    def wrap(self, owner: object, method: str, name: str | Callable[..., str]) -> None:
        """Count each call of a method for a part, or for the one that ``name`` says of its object."""
        inner = getattr(owner, method)

        def counted(*arguments, **named):
            with self.part(name if isinstance(name, str) else name(*arguments)):
                return inner(*arguments, **named)

        setattr(owner, method, counted)

    def end_batch(self, unit: str, size: int) -> None:
        """Count a batch of so many units, unless it is one of the first."""
        self.turn()
        self.done[unit] += size * (self.batches[unit] >= SLOWER)
        self.batches[unit] += 1
        self.begin(unit if self.batches[unit] >= SLOWER else 'once')

    def begin(self, unit: str) -> None:
        """Count what comes now for another unit."""
        self.turn()
        self.unit = unit
