"""Predictions of files, one after the other or several at once; what cannot be predicted is left out, and said."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from torch import nn

from mmseg_vitseg.errors import first_line
from mmseg_vitseg.inference.inputs import VIDEO_SUFFIXES
from mmseg_vitseg.inference.model import batches, label_maps, prepare, shown_picture
from mmseg_vitseg.inference.outputs.predicted import Predicted
from mmseg_vitseg.inference.outputs.writer import Writer
from mmseg_vitseg.inference.video import predict_video


def predict_files(
    model: nn.Module,
    inputs: Sequence[tuple[Path, Path]],
    writer: Writer,
    *,
    batch_size: int = 1,
    on_done: Callable[[Path, str | None], None] = lambda file, error: None,
) -> int:
    """Predict pictures and videos; one that cannot be read, or not be predicted, is reported and left out.

    Args:
        model, inputs: of ``load_model`` and :func:`~mmseg_vitseg.inference.inputs.find_inputs`.
        writer: where the results go.
        batch_size: pictures, or frames, that go through the model at once where they are of one size.
        on_done: called with each file, and with what was wrong with it.

    Returns:
        how many were left out.
    """
    failures = 0

    def done(file: Path, error: Exception | None = None) -> None:
        nonlocal failures
        failures += error is not None
        said = first_line(error) if error else None
        on_done(file, said if said is None or str(file) in said else f'{file}: {said}')

    for batch in batches(_prepared(model, inputs, writer, batch_size, done), batch_size):
        for sample, labels in zip(batch, _each(model, batch), strict=True):
            try:
                if isinstance(labels, Exception):
                    raise labels
                predicted = Predicted(sample['file'], sample['name'], shown_picture(model, sample), labels)
                writer.remember(sample['file'], writer.write(predicted))
            except OSError:  # of the disk
                raise
            except Exception as error:
                done(sample['file'], error)
            else:
                done(sample['file'])
    writer.finish()
    return failures


def _prepared(
    model: nn.Module,
    inputs: Sequence[tuple[Path, Path]],
    writer: Writer,
    batch_size: int,
    done: Callable[[Path, Exception | None], None],
) -> Iterator[dict]:
    """Yield each picture as it goes into the model; a video is predicted here and now."""
    for file, name in inputs:
        try:
            writer.check(file)
            if file.suffix.lower() in VIDEO_SUFFIXES:
                predict_video(model, file, name, writer, batch_size)
                done(file, None)
                continue
            prepared = prepare(model, file)
        except (OSError, ValueError, MemoryError, RuntimeError) as error:
            done(file, error)
            continue
        yield dict(prepared, file=file, name=name)


def _each(model: nn.Module, batch: Sequence[dict]) -> Iterator[np.ndarray | Exception]:
    """Yield the label map of each picture, or why there is none: of a batch that fails, each by itself."""
    try:
        yield from label_maps(model, batch)
    except Exception as error:  # too large for the memory, too small for the model: each library has its own
        if len(batch) == 1:
            yield error
        else:
            for sample in batch:
                yield from _each(model, [sample])
