"""What is written of predictions: tables of areas, and files of each format."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from mmseg_vitseg.inference.inputs import VIDEO_SUFFIXES
from mmseg_vitseg.inference.outputs.areas import AreaTables
from mmseg_vitseg.inference.outputs.coco import Coco
from mmseg_vitseg.inference.outputs.confidence import ConfidenceMaps
from mmseg_vitseg.inference.outputs.geojson import GeoJson
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
    """Writes predictions to a folder: :class:`AreaTables`, and what ``formats`` names.

    They are ``png`` (:class:`Overlays`, and overlaid videos), ``coco`` (:class:`Coco`) and ``geojson`` (:class:`GeoJson`).

    Args:
        model: :func:`~mmseg_vitseg.inference.model.load_model`'s.
        folder: made if it is not there.
        opacity: of the classes' colours in overlays, 0 to 1.
        formats: one or more.
        confidence: write it too: :class:`ConfidenceMaps`, and columns of the tables.

    Raises:
        ValueError: the folder cannot be made; a format needs a package that is not installed.
    """

    def __init__(
        self,
        model: nn.Module,
        folder: str | Path,
        opacity: float = 0.5,
        formats: Sequence[str] = ('png',),
        *,
        confidence: bool = False,
    ):
        self.classes = Classes.of(model.cfg)
        self.folder = Path(folder)
        self.opacity = opacity
        self.formats = formats
        self.confidence = confidence
        self.areas = AreaTables(self.classes, self.folder, confidence=confidence)
        makers: dict[str, Callable[[], Output]] = dict(  # those first that can refuse a picture
            geojson=lambda: GeoJson(self.classes, self.folder),
            coco=lambda: Coco(self.classes, self.folder),
            png=lambda: Overlays(self.classes, self.folder, opacity),
        )
        self.outputs = [*(make() for name, make in makers.items() if name in formats), self.areas]
        if confidence:
            self.outputs.append(ConfidenceMaps(self.folder))
        make_folder(self.folder)

    def check(self, file: Path) -> None:
        """Refuse a file that a format cannot be written of, before it is predicted.

        Raises:
            ValueError: says why, and what to do.
        """
        if file.suffix.lower() in VIDEO_SUFFIXES and {*self.formats} != {'png'}:
            raise ValueError(
                f'{file}: a video, which --format {" ".join(self.formats)} is not written of; take --format png, or save '
                f'its frames as pictures: ffmpeg -i {file.name} frames/%06d.png'
            )
        for output in self.outputs:
            output.check(file)

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
