"""What is done of a scene, in a file to which it is added part by part, and which a killed run leaves to the next one.

The first line, JSON, says of what it is. Then come the parts: of each a line, JSON, which says where it is and how many
bytes follow, compressed. A part that is not there whole, or is damaged, is done again, and so are those behind it.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.inference.scenes.layout import Rectangle

SUFFIX = '.partial'


class Part(NamedTuple):
    """A part of a scene that is done."""

    where: Rectangle
    layers: list[np.ndarray]  # each (H, W): the mask, and perhaps more


class Partial:
    """The file of what is done, to be added to.

    Args:
        path: the file's.
        about: of what it is, as JSON has it.
    """

    def __init__(self, path: Path, about: dict):
        self.path, self.about = path, about

    @property
    def exists(self) -> bool:
        """Whether there is one."""
        return self.path.exists()

    def start(self) -> None:
        """Begin a new one."""
        with whole(self.path) as temporary:
            temporary.write_bytes(_line(self.about))

    def check(self) -> None:
        """Check that the one that is there is of the same.

        Raises:
            ValueError: it is not.
        """
        with open(self.path, 'rb') as file:
            check_same(self.path, _read_line(file), self.about)

    def is_same(self) -> bool:
        """Tell whether the one that is there is of the same."""
        with open(self.path, 'rb') as file:
            return _read_line(file) == self.about

    @property
    def bytes(self) -> int:
        """How long the file is."""
        return self.path.stat().st_size

    def cut(self) -> int:
        """Return how many parts are done, and take off what is there of a part that is not whole."""
        done = 0
        with open(self.path, 'rb+') as file:
            _read_line(file)
            end = file.tell()
            while _read_part(file) is not None:
                done += 1
                end = file.tell()
            file.truncate(end)
        return done

    def add(self, part: Part) -> None:
        """Add a part.

        Raises:
            OSError: the disk is full, say; what was there before is there still.
        """
        content = zlib.compress(b''.join(np.ascontiguousarray(layer).tobytes() for layer in part.layers), 1)
        kinds = [layer.dtype.str for layer in part.layers]
        line = _line(dict(asdict(part.where), bytes=len(content), crc32=zlib.crc32(content), layers=kinds))
        with open(self.path, 'ab') as file:
            file.write(line + content)

    def __iter__(self) -> Iterator[Part]:
        """Yield the parts in the order in which they were added."""
        with open(self.path, 'rb') as file:
            _read_line(file)
            while (part := _read_part(file)) is not None:
                yield part

    def remove(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def check_same(path: Path, found: dict | None, wanted: dict) -> None:
    """Check that what is there is of the scene, the config and the weights that are wanted.

    Raises:
        ValueError: it is not, with what is not the same.
    """
    differ = [name for name in wanted if found is None or found.get(name) != wanted[name]]
    if found is None:
        raise ValueError(f'{path}: not what an earlier run has left; without --resume it is replaced')
    if differ:
        raise ValueError(
            f'{path}: made with another {", ".join(differ)}; name the same as then to go on; without --resume it is replaced'
        )


def _line(values: dict) -> bytes:
    return json.dumps(values).encode() + b'\n'


def _read_line(file: BinaryIO) -> dict | None:
    """Return the values of the next line; None where it is not there whole."""
    line = file.readline(2**16)
    try:
        values = json.loads(line) if line.endswith(b'\n') else None
    except ValueError:
        return None
    return values if isinstance(values, dict) else None


def _read_part(file: BinaryIO) -> Part | None:
    line = _read_line(file)
    if line is None:
        return None
    content = file.read(line['bytes'])
    if len(content) < line['bytes'] or zlib.crc32(content) != line['crc32']:
        return None
    where = Rectangle(*(line[name] for name in ('top', 'bottom', 'left', 'right')))
    return Part(where, _layers(zlib.decompress(content), where.size, line['layers']))


def _layers(content: bytes, size: tuple[int, int], kinds: Sequence[str]) -> list[np.ndarray]:
    layers, first = [], 0
    for kind in kinds:
        dtype = np.dtype(kind)
        stop = first + size[0] * size[1] * dtype.itemsize
        layers.append(np.frombuffer(content[first:stop], dtype).reshape(size))
        first = stop
    return layers
