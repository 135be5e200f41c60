"""What is written of predictions: tables of areas, and what the formats say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from mmseg_vitseg.config.datasets import classes_of, first_value
from mmseg_vitseg.inference.outputs.areas import AreaTables
from mmseg_vitseg.inference.outputs.overlays import Overlays
from mmseg_vitseg.inference.outputs.predicted import Classes, Output, Predicted


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, where it is not there.

    Raises:
        ValueError: it cannot be.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f'{path}: cannot be made a folder: {error.strerror}; name another') from error


class Writer:
    """Writes predictions to a folder: tables of areas (:class:`AreaTables`) and overlays (:class:`Overlays`).

    Args:
        model: :func:`~mmseg_vitseg.inference.model.load_model`'s.
        folder: made if it is not there.
        opacity: of the classes' colours in overlays, 0 to 1.

    Raises:
        ValueError: the folder cannot be made.
    """

    def __init__(self, model: nn.Module, folder: str | Path, opacity: float = 0.5):
        self.classes = Classes(*classes_of(model.cfg), first=first_value(model.cfg))
        self.folder = Path(folder)
        self.opacity = opacity
        make_folder(self.folder)
        self.areas = AreaTables(self.classes, self.folder)
        self.outputs: list[Output] = [self.areas, Overlays(self.classes, self.folder, opacity)]

    def write(self, predicted: Predicted) -> list[Any]:
        """Write what is of this picture alone, and return what each output is to remember of it."""
        return [output.write(predicted) for output in self.outputs]

    def remember(self, file: Path, written: Sequence[Any]) -> None:
        """Hand each output what it wrote for a file."""
        for output, one in zip(self.outputs, written, strict=True):
            output.remember(file, one)

    def finish(self) -> None:
        """Write what is written once for all pictures."""
        for output in self.outputs:
            output.finish()
