"""Overlays, index masks and tables of areas."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.config.datasets import classes_of, first_value
from mmseg_vitseg.inference.outputs.predicted import Predicted
from mmseg_vitseg.pictures.drawing import areas, index_mask, overlay, with_legend


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
    """Writes predictions to a folder, each file whole or not at all.

    ``NAME_overlay.png`` with a legend, ``NAME_mask.png``, whose pixels have the numbers that the classes have in the data
    set's masks; at the end ``areas.csv`` and ``areas.json``, which say them too (``value``).

    Args:
        model: :func:`~mmseg_vitseg.inference.model.load_model`'s.
        folder: made if it is not there.
        opacity: of the classes' colours, 0 to 1.

    Raises:
        ValueError: the folder cannot be made.
    """

    def __init__(self, model: nn.Module, folder: str | Path, opacity: float):
        self.names, self.palette = classes_of(model.cfg)
        self.first = first_value(model.cfg)
        self.folder = Path(folder)
        self.opacity = opacity
        self.rows: list[dict] = []
        make_folder(self.folder)

    def write(self, predicted: Predicted) -> list[dict]:
        """Write the picture's overlay and mask, and return its areas."""
        name, labels = predicted.name, predicted.labels
        table = areas(labels, self.names)
        blended = overlay(predicted.picture, labels, self.palette, self.opacity)
        for kind, image in (
            ('overlay', with_legend(blended, table, self.names, self.palette)),
            ('mask', index_mask(labels, self.palette, self.first)),
        ):
            with whole(self.folder / name.with_name(f'{name.name}_{kind}.png')) as temporary:
                image.save(temporary, format='PNG')
        return table

    def remember(self, file: Path, written: Sequence[dict]) -> None:
        """Remember a file's areas."""
        self.rows += [dict(file=str(file), value=self.names.index(row['class']) + self.first, **row) for row in written]

    def finish(self) -> None:
        """Write the tables."""
        with whole(self.folder / 'areas.csv') as temporary, open(temporary, 'w', newline='', encoding='utf-8') as file:
            writer = csv.DictWriter(file, ('file', 'class', 'value', 'pixels', 'share'))
            writer.writeheader()
            writer.writerows(dict(row, share=f'{row["share"]:.6f}') for row in self.rows)
        with whole(self.folder / 'areas.json') as temporary:
            temporary.write_text(json.dumps(self.rows, indent=1), encoding='utf-8')
