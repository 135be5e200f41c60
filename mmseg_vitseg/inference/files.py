"""Predictions of files, folders and videos, written as overlays, index masks and tables of areas."""

import csv
import errno
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

import cv2
import numpy as np
from torch import nn

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.inference.drawing import areas, index_mask, overlay, shares, with_legend
from mmseg_vitseg.inference.model import batches, classes_of, label_maps, prepare
from mmseg_vitseg.inference.pictures import SUFFIXES, read_picture

VIDEO_SUFFIXES = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.webm')


def find_inputs(paths: Sequence[str | Path], out: str | Path | None = None) -> list[tuple[Path, Path]]:
    """List (file, its name in the output folder without a suffix): files as named, folders with all that is in them.

    What an earlier run wrote to the folder ``out``, where that is inside of one, is left out.

    Raises:
        FileNotFoundError: a path does not exist, or a folder has no picture and no video.
    """
    found = []
    for path in map(Path, paths):
        if path.is_dir():
            known = [
                file
                for file in sorted(path.rglob('*'))
                if file.suffix.lower() in SUFFIXES + VIDEO_SUFFIXES
                and (out is None or Path(out).resolve() not in file.resolve().parents)
            ]
            if not known:
                raise FileNotFoundError(f'{path}: no picture or video in it ({" ".join(SUFFIXES + VIDEO_SUFFIXES)})')
            found += [(file, file.relative_to(path)) for file in known]
        elif path.is_file():
            found.append((path, Path(path.name)))
        else:
            raise FileNotFoundError(f'{path}: no such file or folder')
    names = [name.with_suffix('') for _, name in found]
    # a.jpg beside a.png: the suffix tells them apart; the same name from two folders: a number does
    times = Counter(names)
    names = [
        name if times[name] == 1 else full.with_name(full.name.replace('.', '_'))
        for name, (_, full) in zip(names, found, strict=True)
    ]
    unique: dict[Path, None] = {}
    for name in names:
        numbered = (name if number == 1 else name.with_name(f'{name.name}_{number}') for number in count(1))
        unique[next(one for one in numbered if one not in unique)] = None
    return [(file, name) for (file, _), name in zip(found, unique, strict=True)]


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

    ``NAME_overlay.png`` with a legend, ``NAME_mask.png`` of indices; at the end ``areas.csv`` and ``areas.json``.

    Args:
        model: :func:`~mmseg_vitseg.inference.model.load_model`'s.
        folder: made if it is not there.
        opacity: of the classes' colours, 0 to 1.

    Raises:
        ValueError: the folder cannot be made.
    """

    def __init__(self, model: nn.Module, folder: str | Path, opacity: float):
        self.names, self.palette = classes_of(model.cfg)
        self.folder = Path(folder)
        self.opacity = opacity
        self.rows: list[dict] = []
        make_folder(self.folder)

    def add(self, file: Path, name: Path, picture: np.ndarray, labels: np.ndarray) -> None:
        """Write the picture's (H, W, 3) overlay and mask, and remember its areas."""
        table = areas(labels, self.names)
        self.rows += [dict(file=str(file), **row) for row in table]
        blended = overlay(picture, labels, self.palette, self.opacity)
        for kind, image in (
            ('overlay', with_legend(blended, table, self.names, self.palette)),
            ('mask', index_mask(labels, self.palette)),
        ):
            with whole(self.folder / name.with_name(f'{name.name}_{kind}.png')) as temporary:
                image.save(temporary, format='PNG')

    def finish(self) -> None:
        """Write the tables."""
        with whole(self.folder / 'areas.csv') as temporary, open(temporary, 'w', newline='', encoding='utf-8') as file:
            writer = csv.DictWriter(file, ('file', 'class', 'pixels', 'share'))
            writer.writeheader()
            writer.writerows(dict(row, share=f'{row["share"]:.6f}') for row in self.rows)
        with whole(self.folder / 'areas.json') as temporary:
            temporary.write_text(json.dumps(self.rows, indent=1), encoding='utf-8')


def predict_files(
    model: nn.Module,
    inputs: Sequence[tuple[Path, Path]],
    writer: Writer,
    *,
    batch_size: int = 1,
    on_done: Callable[[Path, str | None], None] = lambda file, error: None,
) -> int:
    """Predict pictures and videos; one that cannot be read is reported and left out.

    Args:
        model: :func:`~mmseg_vitseg.inference.model.load_model`'s.
        inputs: :func:`find_inputs`'s.
        writer: where the results go.
        batch_size: pictures, or frames, that go through the model at once where they are of one size.
        on_done: called with each file, and with what was wrong with it.

    Returns:
        how many could not be read.
    """
    failures = 0

    def samples() -> Iterator[dict]:
        nonlocal failures
        for file, name in inputs:
            try:
                if file.suffix.lower() in VIDEO_SUFFIXES:
                    predict_video(model, file, name, writer, batch_size)
                    on_done(file, None)
                    continue
                picture = read_picture(file)
                prepared = prepare(model, picture)
            except (OSError, ValueError) as error:
                failures += 1
                on_done(file, str(error) if str(file) in str(error) else f'{file}: {error}')
                continue
            yield dict(prepared, file=file, name=name, picture=picture)

    for batch in batches(samples(), batch_size):
        for sample, labels in zip(batch, label_maps(model, batch), strict=True):
            writer.add(sample['file'], sample['name'], sample['picture'], labels)
            on_done(sample['file'], None)
    writer.finish()
    return failures


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
        counts = np.zeros(len(writer.names), np.int64)
        with whole(writer.folder / name.with_name(f'{name.name}_overlay.mp4')) as temporary:
            film = cv2.VideoWriter(str(temporary), cv2.VideoWriter.fourcc(*'mp4v'), rate, size)
            try:
                frames = (dict(prepare(model, frame), picture=frame) for frame in _frames(capture))
                for batch in batches(frames, batch_size):
                    for sample, labels in zip(batch, label_maps(model, batch), strict=True):
                        counts += np.bincount(labels.ravel(), minlength=len(counts))
                        blended = overlay(sample['picture'], labels, writer.palette, writer.opacity)
                        film.write(np.ascontiguousarray(blended[..., ::-1]))
            finally:
                film.release()
            if not counts.any():
                raise ValueError(f'{file}: no frame of it can be read')
            _check_film(temporary, counts.sum() // (size[0] * size[1]))
    finally:
        capture.release()
    writer.rows += [dict(file=str(file), **row) for row in shares(counts, writer.names)]


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
