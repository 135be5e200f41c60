"""Tables of the classes' areas."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.inference.outputs.confidence import COLUMNS, areas_of, class_sums
from mmseg_vitseg.inference.outputs.predicted import Classes, Output, Predicted


class AreaTables(Output):
    """Writes ``areas.csv`` and ``areas.json``: the pixels and the share of each class that a file has.

    They say the class's number in the data set's masks too (``value``), and what else is known of its area.

    Args:
        classes: the data set's.
        folder: that is there.
        confidence: have its columns too, see :func:`~mmseg_vitseg.inference.outputs.confidence.areas_of`.
    """

    def __init__(self, classes: Classes, folder: Path, *, confidence: bool = False):
        self.classes = classes
        self.folder = folder
        self.columns = ('file', 'class', 'value', 'pixels', 'share', *(COLUMNS if confidence else ()))
        self.rows: list[dict] = []

    def write(self, predicted: Predicted) -> list[dict]:
        """Return the picture's areas, of what has data."""
        names, sure = self.classes.names, predicted.confidence
        confidence = None if sure is None else predicted.known(sure)
        sums = class_sums(predicted.known(predicted.labels), confidence, len(names))
        return areas_of(sums, names, confidence=confidence is not None)

    def remember(self, file: Path, written: Sequence[dict]) -> None:
        """Remember a file's areas."""
        names, first = self.classes.names, self.classes.first
        self.rows += [dict(file=str(file), value=names.index(row['class']) + first, **row) for row in written]

    def finish(self) -> None:
        """Write the tables."""
        with whole(self.folder / 'areas.csv') as temporary, open(temporary, 'w', newline='', encoding='utf-8') as file:
            names = *self.columns, *(name for row in self.rows for name in row)
            writer = csv.DictWriter(file, list(dict.fromkeys(names)))
            writer.writeheader()
            shares = 'share', 'mean_confidence'
            writer.writerows(row | {name: f'{row[name]:.6f}' for name in shares if name in row} for row in self.rows)
        with whole(self.folder / 'areas.json') as temporary:
            temporary.write_text(json.dumps(self.rows, indent=1), encoding='utf-8')
