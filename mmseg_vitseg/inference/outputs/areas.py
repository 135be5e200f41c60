"""Tables of the classes' areas."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.inference.outputs.predicted import Classes, Output, Predicted
from mmseg_vitseg.pictures.drawing import areas


class AreaTables(Output):
    """Writes ``areas.csv`` and ``areas.json``: the pixels and the share of each class that a file has.

    They say the class's number in the data set's masks too (``value``), and what else is known of its area.

    Args:
        classes: the data set's.
        folder: that is there.
    """

    def __init__(self, classes: Classes, folder: Path):
        self.classes = classes
        self.folder = folder
        self.rows: list[dict] = []

    def write(self, predicted: Predicted) -> list[dict]:
        """Return the picture's areas."""
        return areas(predicted.labels, self.classes.names)

    def remember(self, file: Path, written: Sequence[dict]) -> None:
        """Remember a file's areas."""
        names, first = self.classes.names, self.classes.first
        self.rows += [dict(file=str(file), value=names.index(row['class']) + first, **row) for row in written]

    def finish(self) -> None:
        """Write the tables."""
        with whole(self.folder / 'areas.csv') as temporary, open(temporary, 'w', newline='', encoding='utf-8') as file:
            names = 'file', 'class', 'value', 'pixels', 'share', *(name for row in self.rows for name in row)
            writer = csv.DictWriter(file, list(dict.fromkeys(names)))
            writer.writeheader()
            writer.writerows(dict(row, share=f'{row["share"]:.6f}') for row in self.rows)
        with whole(self.folder / 'areas.json') as temporary:
            temporary.write_text(json.dumps(self.rows, indent=1), encoding='utf-8')
