"""What is to be predicted: files, folders and patterns, as they are named on a command line."""

import glob
import os
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

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
