"""Predictions of files, one after the other or several at once; what cannot be predicted is left out, and said."""

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

from torch import nn

from mmseg_vitseg.errors import first_line
from mmseg_vitseg.inference.inputs import VIDEO_SUFFIXES
from mmseg_vitseg.inference.many_pictures import Done, predict_pictures
from mmseg_vitseg.inference.outputs.writer import Writer
from mmseg_vitseg.inference.scenes.predicting import ScenePredictor
from mmseg_vitseg.inference.video import predict_video


def predict_files(
    model: nn.Module,
    inputs: Sequence[tuple[Path, Path]],
    writer: Writer,
    *,
    batch_size: int = 1,
    scenes: ScenePredictor | None = None,
    on_done: Callable[[Path, str | None], None] = lambda file, error: None,
) -> int:
    """Predict pictures, scenes and videos; one that cannot be read, or not be predicted, is reported and left out.

    Args:
        model, inputs: of ``load_model`` and :func:`~mmseg_vitseg.inference.inputs.find_inputs`.
        writer: where the results go.
        batch_size: pictures, or frames, that go through the model at once where they are of one size.
        scenes: predicts the pictures that it takes for scenes; None: there are none.
        on_done: called with each file, and with what was wrong with it, in the order of the inputs.

    Returns:
        how many were left out.

    Raises:
        OSError: the results cannot be written: the disk is full, say.
    """
    failures = 0

    def done(file: Path, error: Exception | None = None) -> None:
        nonlocal failures
        failures += error is not None
        said = first_line(error) if error else None
        on_done(file, said if said is None or str(file) in said else f'{file}: {said}')

    def kind_of(one: tuple[Path, Path]) -> str:
        is_video = one[0].suffix.lower() in VIDEO_SUFFIXES
        return 'video' if is_video else 'scene' if scenes is not None and scenes.takes(one[0]) else 'picture'

    for kind, group in groupby(inputs, kind_of):
        if kind == 'video':
            _predict_videos(model, list(group), writer, batch_size, done)
        elif kind == 'scene' and scenes is not None:
            _predict_scenes(scenes, list(group), done)
        else:
            predict_pictures(model, list(group), writer, batch_size, done)
    writer.finish()
    return failures


def _predict_videos(
    model: nn.Module, inputs: Sequence[tuple[Path, Path]], writer: Writer, batch_size: int, done: Done
) -> None:
    for file, name in inputs:
        try:
            writer.check(file)
            predict_video(model, file, name, writer, batch_size)
        except (OSError, ValueError, MemoryError, RuntimeError) as error:
            done(file, error)
        else:
            done(file, None)


def _predict_scenes(scenes: ScenePredictor, inputs: Sequence[tuple[Path, Path]], done: Done) -> None:
    for file, name in inputs:
        try:
            scenes.predict(file, name)
        except (FileNotFoundError, ValueError, MemoryError, RuntimeError) as error:  # any other OSError is of the disk
            done(file, error)
        else:
            done(file, None)
