"""Predictions of many pictures: read, predicted and written at once, told of in the order of the inputs."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from mmseg_vitseg.inference.maps import maps_of
from mmseg_vitseg.inference.model import prepare, shown_picture
from mmseg_vitseg.inference.outputs.predicted import Predicted
from mmseg_vitseg.inference.outputs.writer import Writer
from mmseg_vitseg.inference.threads import BYTES, Behind, ahead, size_of

WRITING = 2  # threads that draw and write
LOOK = 4  # batches' worth of pictures among which those of one size are put together

Done = Callable[[Path, Exception | None], None]


def predict_pictures(
    model: nn.Module, inputs: Sequence[tuple[Path, Path]], writer: Writer, batch_size: int, done: Done
) -> None:
    """Read pictures in one thread, as the pipeline's steps may have a state; predict them in this one; write in others."""
    read = ahead(_read(model, inputs, writer), batch_size + 2)
    with closing(read), Behind(WRITING, batch_size + WRITING) as behind:
        ordered = _InOrder(writer, done)
        for batch in _batches(_sound(read, ordered), batch_size):
            for sample, maps in zip(batch, _each(model, batch, writer.confidence), strict=True):
                if isinstance(maps, Exception):
                    ordered.add(sample, maps)
                else:
                    size = size_of(sample) + sum(one.nbytes for one in maps if one is not None)
                    ordered.add(sample, behind.submit(size, _write, model, writer, sample, *maps))
        ordered.finish()


def _read(model: nn.Module, inputs: Sequence[tuple[Path, Path]], writer: Writer) -> Iterator[dict]:
    """Yield each picture as it goes into the model, with its ``place`` in the inputs, or the ``error`` of reading it."""
    for place, (file, name) in enumerate(inputs):
        try:
            writer.check(file)
            prepared = prepare(model, file)
        except (OSError, ValueError, MemoryError, RuntimeError) as error:
            prepared = dict(error=error)
        yield dict(prepared, place=place, file=file, name=name)


def _sound(samples: Iterator[dict], ordered: '_InOrder') -> Iterator[dict]:
    for sample in samples:
        if 'error' in sample:
            ordered.add(sample, sample['error'])
        else:
            yield sample


def _batches(samples: Iterator[dict], size: int) -> Iterator[list[dict]]:
    """Put pictures of one size together, at most ``size`` of them, also where some of another size are between them.

    No picture waits for more than ``LOOK`` batches' worth of others, and no more than ``BYTES`` wait.
    """
    waiting: dict[tuple[int, ...], list[dict]] = {}  # the one that waits longest is the first of the first
    for sample in samples:
        shape = tuple(sample['inputs'].shape)
        waiting.setdefault(shape, []).append(sample)
        first, *_ = next(iter(waiting.values()))
        waits_long = sample['place'] - first['place'] >= LOOK * size
        if len(waiting[shape]) == size:
            yield waiting.pop(shape)
        elif waits_long or sum(size_of(one) for group in waiting.values() for one in group) > BYTES:
            yield waiting.pop(tuple(first['inputs'].shape))
    yield from waiting.values()


def _each(
    model: nn.Module, batch: Sequence[dict], confidence: bool
) -> Iterator[tuple[np.ndarray, np.ndarray | None] | Exception]:
    """Yield each picture's labels and confidence, or why there are none: of a batch that fails, each by itself."""
    try:
        yield from maps_of(model, batch, confidence=confidence)
    except Exception as error:  # too large for the memory, too small for the model: each library has its own
        if len(batch) == 1:
            yield error
        else:
            for sample in batch:
                yield from _each(model, [sample], confidence)


def _write(model: nn.Module, writer: Writer, sample: dict, labels: np.ndarray, confidence: np.ndarray | None) -> Any:
    """Write a picture; return what the output is to remember of it, or why it could not be drawn.

    Raises:
        OSError: of the disk.
    """
    try:
        shown = shown_picture(model, sample)
        return writer.write(Predicted(sample['file'], sample['name'], shown, labels, confidence, sample.get('nodata')))
    except OSError:
        raise
    except Exception as error:
        return error


class _InOrder:
    """Tells of pictures, and lets the output remember them, in the order of the inputs.

    Args:
        writer: the output.
        done: told of each file, and of what was wrong with it.
    """

    def __init__(self, writer: Writer, done: Done):
        self.writer = writer
        self.done = done
        self.place = 0  # of the next that is told of
        self.waiting: dict[int, tuple[Path, Future | Exception]] = {}

    def add(self, sample: dict, outcome: Future | Exception) -> None:
        """Take a picture that is being written, or why it is not, and tell of those that are through."""
        self.waiting[sample['place']] = sample['file'], outcome
        while (first := self.waiting.get(self.place)) and (isinstance(first[1], Exception) or first[1].done()):
            self._tell(*self.waiting.pop(self.place))

    def finish(self) -> None:
        """Tell of those that are left."""
        for _, (file, outcome) in sorted(self.waiting.items()):
            self._tell(file, outcome)

    def _tell(self, file: Path, outcome: Future | Exception) -> None:
        self.place += 1
        written = outcome if isinstance(outcome, Exception) else outcome.result()
        if isinstance(written, Exception):
            self.done(file, written)
            return
        self.writer.remember(file, written)
        self.done(file, None)
