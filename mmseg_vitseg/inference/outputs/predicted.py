"""A picture with its prediction, and what takes it. H W size in pixels, K classes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from mmseg_vitseg.config.datasets import classes_of, first_value


@dataclass(frozen=True)
class Predicted:
    """A picture with its prediction.

    Args:
        file: it was read from.
        name: of what is written of it, in the folder of results, without a suffix.
        picture: (H, W, 3), uint8, RGB, as it is shown.
        labels: (H, W), int64, indices into the classes.
        confidence: (H, W), float32, from 0 to 1, the probability of these; None where it is not asked for.
        nodata: (H, W), bool, where the picture has no data, so that the label means nothing; None: nowhere.
    """

    file: Path
    name: Path
    picture: np.ndarray
    labels: np.ndarray
    confidence: np.ndarray | None = None
    nodata: np.ndarray | None = None

    def known(self, values: np.ndarray) -> np.ndarray:
        """Return the values (N,) of pixels (H, W) that have data."""
        return values.ravel() if self.nodata is None else values[~self.nodata]


@dataclass(frozen=True)
class Classes:
    """The classes of a data set.

    Args:
        names: of each.
        palette: (K, 3), uint8, RGB.
        first: the number of the first class in the data set's masks, 0 or 1.
    """

    names: list[str]
    palette: np.ndarray
    first: int

    @classmethod
    def of(cls, cfg: Config) -> 'Classes':
        """Return those that a config's test data set has.

        Raises:
            ValueError: it names none, or its palette is none for them.
        """
        return cls(*classes_of(cfg), first=first_value(cfg))


class Output:
    """Writes predictions to a folder, in a format: several pictures at once, and what is said of all in their order.

    Here each method does nothing; a format overrides those that it has something to do in.
    """

    def check(self, file: Path) -> None:
        """Refuse a file of which nothing could be written, before it is predicted.

        Raises:
            ValueError: says what and why.
        """

    def write(self, predicted: Predicted) -> Any:
        """Write what is of this picture alone, each file whole or not at all, and return what is to be remembered of it.

        Several threads call it at once, in any order: it changes nothing of the output's own.
        """

    def remember(self, file: Path, written: Any) -> None:
        """Take what was written for a file: called by one thread, in the order of the inputs."""

    def finish(self) -> None:
        """Write what is written once for all pictures."""
