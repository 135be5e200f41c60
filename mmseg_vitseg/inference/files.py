"""Predictions of files, folders and videos, written as overlays, index masks and tables of areas."""

import csv
import errno
import glob
import json
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from torch import nn

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.config.datasets import classes_of, first_value
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.inference.model import batches, label_maps, prepare, shown_picture
from mmseg_vitseg.pictures.drawing import areas, index_mask, overlay, shares, with_legend
from mmseg_vitseg.pictures.naming import unique_names
from mmseg_vitseg.pictures.reading import SUFFIXES

VIDEO_SUFFIXES = ('.avi', '.m4v', '.mkv', '.mov', '.mp4', '.webm')
STREAMS = 'cameras, streams and addresses are not read; save a video or a picture of it first, and name that file'


def find_inputs(
    paths: Sequence[str | Path], out: str | Path | None = None, suffixes: Sequence[str] = SUFFIXES
) -> list[tuple[Path, Path]]:
    """List (file, its name in the output folder without a suffix): files as named, folders with all that is in them.

    Linked folders are followed; a pattern such as ``*.jpg`` that the shell has left as it is stands for what it matches.
    What an earlier run wrote to the folder ``out``, where that is inside of one, is left out.

    Args:
        paths: files, folders, patterns.
        out: a folder that is no input.
        suffixes: of pictures in folders.

    Raises:
        FileNotFoundError: a path does not exist, or a folder has no picture and no video.
        ValueError: an address or a camera.
    """
    found = []
    wanted = (*suffixes, *VIDEO_SUFFIXES)
    for path in chain.from_iterable(map(_expanded, paths)):
        if path.is_dir():
            known = [
                file
                for file in _files_in(path)
                if file.suffix.lower() in wanted and (out is None or Path(out).resolve() not in file.resolve().parents)
            ]
            if not known:
                raise FileNotFoundError(f'{path}: no picture or video in it ({" ".join(wanted)})')
            found += [(file, file.relative_to(path)) for file in known]
        elif path.is_file():
            found.append((path, Path(path.name)))
        elif path.exists():
            raise ValueError(f'{path}: a device, no file; {STREAMS}')
        else:
            raise FileNotFoundError(f'{path}: no such file or folder')
    return [(file, name) for (file, _), name in zip(found, unique_names([name for _, name in found]), strict=True)]


def _expanded(path: str | Path) -> list[Path]:
    """Return a path, or what a pattern matches."""
    text = str(path)
    if '://' in text:
        raise ValueError(f'{text}: {STREAMS}')
    if Path(path).exists():
        return [Path(path)]
    if text.isdigit():
        raise ValueError(f'{text}: no such file or folder; if it is the number of a camera: {STREAMS}')
    if glob.has_magic(text):
        return [Path(one) for one in sorted(glob.glob(text, recursive=True))] or [Path(path)]
    return [Path(path)]


def _files_in(folder: Path, above: tuple[str, ...] = ()) -> Iterator[Path]:
    """Yield the files of a folder and of those in it, by name; a link to a folder that it lies in is left out."""
    above = (*above, os.path.realpath(folder))
    for path in sorted(folder.iterdir()):
        if not path.is_dir():
            yield path
        elif os.path.realpath(path) not in above:
            yield from _files_in(path, above)


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

    def add(self, file: Path, name: Path, picture: np.ndarray, labels: np.ndarray) -> None:
        """Write the picture's (H, W, 3) overlay and mask, and remember its areas."""
        table = areas(labels, self.names)
        self.remember(file, table)
        blended = overlay(picture, labels, self.palette, self.opacity)
        for kind, image in (
            ('overlay', with_legend(blended, table, self.names, self.palette)),
            ('mask', index_mask(labels, self.palette, self.first)),
        ):
            with whole(self.folder / name.with_name(f'{name.name}_{kind}.png')) as temporary:
                image.save(temporary, format='PNG')

    def remember(self, file: Path, table: Sequence[dict]) -> None:
        """Remember a file's areas."""
        self.rows += [dict(file=str(file), value=self.names.index(row['class']) + self.first, **row) for row in table]

    def finish(self) -> None:
        """Write the tables."""
        with whole(self.folder / 'areas.csv') as temporary, open(temporary, 'w', newline='', encoding='utf-8') as file:
            writer = csv.DictWriter(file, ('file', 'class', 'value', 'pixels', 'share'))
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
    """Predict pictures and videos; one that cannot be read, or not be predicted, is reported and left out.

    Args:
        model: :func:`~mmseg_vitseg.inference.model.load_model`'s.
        inputs: :func:`find_inputs`'s.
        writer: where the results go.
        batch_size: pictures, or frames, that go through the model at once where they are of one size.
        on_done: called with each file, and with what was wrong with it.

    Returns:
        how many were left out.
    """
    failures = 0

    def leave_out(file: Path, error: Exception) -> None:
        nonlocal failures
        failures += 1
        said = first_line(error)
        on_done(file, said if str(file) in said else f'{file}: {said}')

    def samples() -> Iterator[dict]:
        for file, name in inputs:
            try:
                if file.suffix.lower() in VIDEO_SUFFIXES:
                    predict_video(model, file, name, writer, batch_size)
                    on_done(file, None)
                    continue
                prepared = prepare(model, file)
            except (OSError, ValueError, MemoryError, RuntimeError) as error:
                leave_out(file, error)
                continue
            yield dict(prepared, file=file, name=name)

    for batch in batches(samples(), batch_size):
        for sample, labels in zip(batch, _each(model, batch), strict=True):
            try:
                if isinstance(labels, Exception):
                    raise labels
                writer.add(sample['file'], sample['name'], shown_picture(model, sample), labels)
            except OSError:  # of the disk
                raise
            except Exception as error:
                leave_out(sample['file'], error)
            else:
                on_done(sample['file'], None)
    writer.finish()
    return failures


def _each(model: nn.Module, batch: Sequence[dict]) -> Iterator[np.ndarray | Exception]:
    """Yield the label map of each picture, or why there is none: of a batch that fails, each by itself."""
    try:
        yield from label_maps(model, batch)
    except Exception as error:  # too large for the memory, too small for the model: each library has its own
        if len(batch) == 1:
            yield error
        else:
            for sample in batch:
                yield from _each(model, [sample])


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
                frames = (dict(prepare(model, Image.fromarray(frame)), frame=frame) for frame in _frames(capture))
                for batch in batches(frames, batch_size):
                    for sample, labels in zip(batch, label_maps(model, batch), strict=True):
                        counts += np.bincount(labels.ravel(), minlength=len(counts))
                        blended = overlay(sample['frame'], labels, writer.palette, writer.opacity)
                        film.write(np.ascontiguousarray(blended[..., ::-1]))
            finally:
                film.release()
            if not counts.any():
                raise ValueError(f'{file}: no frame of it can be read')
            _check_film(temporary, counts.sum() // (size[0] * size[1]))
    finally:
        capture.release()
    writer.remember(file, shares(counts, writer.names))


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
