"""Predictions of a video, frame by frame."""

import errno
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from torch import nn

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.inference.maps import batches, maps_of
from mmseg_vitseg.inference.model import prepare
from mmseg_vitseg.inference.outputs.confidence import areas_of, class_sums
from mmseg_vitseg.inference.outputs.writer import Writer
from mmseg_vitseg.inference.threads import Behind, ahead, size_of
from mmseg_vitseg.pictures.drawing import overlay


def predict_video(model: nn.Module, file: Path, name: Path, writer: Writer, batch_size: int) -> None:
    """Write ``NAME_overlay.mp4``, frame by frame, and the video's areas as those of one picture.

    Raises:
        ValueError: OpenCV cannot read it.
        OSError: the film cannot be written whole.
    """
    capture = cv2.VideoCapture(str(file))
    try:
        rate = capture.get(cv2.CAP_PROP_FPS) or 25.0
        size = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        if not capture.isOpened() or not all(size):
            raise ValueError(f'{file}: not a video that OpenCV reads, or damaged')
        sums = np.zeros((3, len(writer.classes.names)))

        def draw(frame: np.ndarray, labels: np.ndarray, confidence: np.ndarray | None) -> None:
            sums[:] += class_sums(labels, confidence, sums.shape[1])
            blended = overlay(frame, labels, writer.classes.palette, writer.opacity)
            film.write(np.ascontiguousarray(blended[..., ::-1]))

        with whole(writer.folder / name.with_name(f'{name.name}_overlay.mp4')) as temporary:
            film = cv2.VideoWriter(str(temporary), cv2.VideoWriter.fourcc(*'mp4v'), rate, size)
            try:
                frames = (dict(prepare(model, Image.fromarray(frame)), frame=frame) for frame in _frames(capture))
                read = ahead(frames, batch_size + 2)
                with closing(read), Behind(1, batch_size + 1) as behind:
                    for batch in batches(read, batch_size):
                        maps = maps_of(model, batch, confidence=writer.confidence)
                        for sample, (labels, confidence) in zip(batch, maps, strict=True):
                            behind.submit(size_of(sample) + labels.nbytes, draw, sample['frame'], labels, confidence)
            finally:
                film.release()
            if not sums.any():
                raise ValueError(f'{file}: no frame of it can be read')
            _check_film(temporary, sums[0].sum() // (size[0] * size[1]))
    finally:
        capture.release()
    writer.areas.remember(file, areas_of(sums, writer.classes.names, confidence=writer.confidence))


def _check_film(film: Path, frames: int) -> None:
    """Check that a film is whole: OpenCV warns of a frame that it cannot write, and goes on.

    Raises:
        OSError: it has fewer frames.
    """
    written = cv2.VideoCapture(str(film))
    try:
        if written.get(cv2.CAP_PROP_FRAME_COUNT) < frames:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        written.release()


def _frames(capture: cv2.VideoCapture) -> Iterator[np.ndarray]:
    while True:
        read, frame = capture.read()
        if not read:
            return
        yield np.ascontiguousarray(frame[..., ::-1])
