"""A config's test pipeline as a function of a file, a picture or an array. H W size in pixels, C channels."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from mmengine.dataset import Compose
from torch import Tensor

from mmseg_vitseg.config.pipelines import reads
from mmseg_vitseg.datasets.load_image import why_unreadable
from mmseg_vitseg.datasets.reader import Picture, Reader, run_steps


class Pipeline:
    """A test pipeline.

    Args:
        steps: the config's.
        channels: those that the model takes.
        means: how many channels are normalised; None where none are.
        bgr_to_rgb: the data preprocessor's, which says that the steps give BGR.
    """

    def __init__(self, steps: Sequence[dict], *, channels: int, means: int | None, bgr_to_rgb: bool):
        transforms = Compose(steps).transforms
        self.reader = Reader(transforms)
        first = 0 if self.reader.index is None else self.reader.index + 1
        self.rest = transforms[first:]
        self.reading = None if self.reader.index is None else steps[self.reader.index]
        pairs = zip(steps[first:], self.rest, strict=True)
        self.after = [
            step for step, built in pairs if reads(dict(type=type(built))) != 'truth'
        ]  # as the config has them
        self.channels = channels
        self.means = means
        self.bgr = self.reader.decodes or bgr_to_rgb

    def __call__(self, source: Picture | dict) -> dict:
        """Prepare a picture: ``inputs`` (C, H, W), ``data_samples``, ``picture``, (H, W) or (H, W, C) as it was read, and
        ``nodata``, (H, W) bool, where it has none; None where the reading step does not say.

        Args:
            source: a file, a PIL picture, an array, or what a data set knows of a picture of its own.

        Raises:
            FileNotFoundError, ValueError: a file is missing, no picture or not for this model; an array of another shape or
                dtype; a picture that does not go through the pipeline.
        """
        path = (
            source.get('img_path') if isinstance(source, dict) else source if isinstance(source, (str, Path)) else None
        )
        where = '' if path is None else f'{path}: '
        loaded = self.load(source)
        picture, nodata = np.array(loaded['img']), loaded.get('nodata')  # the steps may write to them
        try:
            packed = run_steps(self.rest, loaded)
        except Exception as error:  # each step has its own
            if isinstance(source, dict) and not isinstance(error, cv2.error):
                raise  # of a data set: its masks' errors say more
            size = ' x '.join(map(str, picture.shape[:2]))
            said = error.err if isinstance(error, cv2.error) else why_unreadable(error)  # a side of no pixel, say
            raise ValueError(
                f"{where}a picture of {size} does not go through the config's test pipeline ({said})"
            ) from error
        inputs = packed.get('inputs')
        if not isinstance(inputs, Tensor):
            raise ValueError(
                f"{where}the config's test pipeline makes no one input of a picture; it has to end with PackSegInputs, and "
                'TestTimeAug belongs to tta_pipeline'
            )
        self._check_channels(inputs.shape[0], where)
        return dict(packed, picture=picture, nodata=nodata)

    def load(self, source: Picture | dict) -> dict:
        """Return what the reading step gives: ``img``, and what else it knows."""
        if isinstance(source, dict):
            return self._of_data_set(source)
        if isinstance(source, (str, Path)):
            return self.reader.file(str(source))
        return self.reader.given(source, self.channels, self.bgr)

    def _of_data_set(self, info: dict) -> dict:
        try:
            return self.reader(info)
        except (OSError, ValueError):
            raise
        except Exception as error:  # each step has its own
            what = f'not a picture, or damaged ({self.reader.name}: {why_unreadable(error)})'
            raise ValueError(f'{info.get("img_path")}: {what}') from error

    def blank(self, height: int, width: int) -> np.ndarray:
        """Return a black array that can be prepared."""
        dtype = np.uint8 if self.reader.decodes else np.float32
        return np.zeros((height, width, self.reader.colours or self.channels), dtype)

    def _check_channels(self, found: int, where: str) -> None:
        """Check that what was read has the model's channels.

        Raises:
            ValueError: it has not; says both numbers, and the settings.
        """
        step = f"the config's {self.reader.name}"
        if self.reader.decodes:
            step += f'(color_type={self.reader.step.color_type!r})'
        if self.means not in (None, 1, found) and found != 1:
            raise ValueError(
                f'{where}{found} channels, as {step} reads it, but model.data_preprocessor.mean is of {self.means}'
            )
        given = max(found, self.means or 1)  # one channel is normalised by each mean
        if given != self.channels:
            raise ValueError(
                f'{where}{given} channels, as {step} reads it, but the model takes {self.channels} '
                '(model.backbone.in_channels); change how pictures are read, in test_dataloader.dataset.pipeline, or that'
            )
