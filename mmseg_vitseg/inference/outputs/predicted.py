"""A picture with its prediction, and what takes it. H W size in pixels."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Predicted:
    """A picture with its prediction.

    Args:
        file: it was read from.
        name: of what is written of it, in the folder of results, without a suffix.
        picture: (H, W, 3), uint8, RGB, as it is shown.
        labels: (H, W), int64, indices into the classes.
    """

    file: Path
    name: Path
    picture: np.ndarray
    labels: np.ndarray


class Output(Protocol):
    """Writes predictions to a folder, in a format."""

    def add(self, predicted: Predicted) -> None:
        """Take a picture; what is written for it alone is written whole or not at all."""

    def finish(self) -> None:
        """Write what is written once for all pictures."""
