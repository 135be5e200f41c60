"""Features of pictures on disk: files that only grow, and are read a picture at a time.

A folder holds

- ``features.bin``: the feature maps, a picture after the other, of each its levels; float32 or float16, little-endian;
- ``labels.bin``: the masks, a picture after the other, uint8;
- ``index.jsonl``: a line of JSON a picture, written when the others are on the disk: where it is, and what is known of it;
- ``manifest.json``: what all was computed with, and how many pictures there are to be.

D h w width and size of a level, H W size of a mask.
"""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmseg_vitseg.atomic import whole

MANIFEST, INDEX, FEATURES, LABELS = 'manifest.json', 'index.jsonl', 'features.bin', 'labels.bin'
FORMAT = 1  # of these files
ENTRIES = {'format', 'version', 'command', 'dtype', 'count', 'weights', 'model', 'dataset'}  # of a manifest
DTYPES = {'float32': '<f4', 'float16': '<f2'}


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is known of one picture.

    Args:
        features: its first byte in the file of features, and the first that is not its own any more.
        shapes: of each level, as it is stored.
        gaps: for each level, which is stored in the order that it has in memory, None: it is (D, h, w); else: it is
            (h, w, D), and the backbone's batch has so many numbers before each picture: those of a ViT's class token.
        labels: as ``features``, in the file of labels.
        mask: (H, W); None where the picture has none.
        meta: the data sample's metainfo.
        files: the picture and its mask, as :func:`identity` has them.
    """

    features: Sequence[int]
    shapes: Sequence[Sequence[int]]
    gaps: Sequence[int | None]
    labels: Sequence[int]
    mask: Sequence[int] | None
    meta: dict[str, Any]
    files: Sequence[Sequence]


def identity(path: str | None) -> list:
    """Return what tells a file from another one, or from itself when it has changed: name, bytes, time in nanoseconds.

    Of an address that is no file of this machine it is the address.
    """
    try:
        found = os.stat(path or '')
    except OSError:
        return [path, None, None]
    return [Path(str(path)).name, found.st_size, found.st_mtime_ns]


def write_manifest(folder: Path, manifest: dict) -> None:
    """Write what features are computed with, before any of them."""
    with whole(folder / MANIFEST, durable=True) as temporary:
        temporary.write_text(json.dumps(manifest, indent=2) + '\n', encoding='utf-8')


def read_manifest(folder: Path) -> dict | None:
    """Return what features in a folder were computed with; None where there are none.

    Raises:
        ValueError: the file is damaged.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _damaged(path, error) from error
    if not isinstance(manifest, dict) or not manifest.keys() >= ENTRIES:
        raise _damaged(path, f'not with all of {", ".join(sorted(ENTRIES))}')
    return manifest


def read_records(folder: Path) -> list[Record]:
    """Read the whole lines of an index; what follows the last one was being written when the writer was killed.

    Raises:
        ValueError: the file is damaged.
    """
    path = folder / INDEX
    try:
        lines = path.read_bytes().split(b'\n')[:-1]
        return [Record(**json.loads(line)) for line in lines]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError) as error:  # no JSON, or of something else
        raise _damaged(path, error) from error


def _damaged(path: Path, why: object) -> ValueError:
    return ValueError(f'{path}: damaged ({why}); remove {path.parent} and compute the features again')


class FeatureFile:
    """Reads features, a picture at a time; nothing is kept in memory but the index.

    Args:
        folder: with all that :class:`FeatureWriter` writes, and its manifest.

    Raises:
        FileNotFoundError: there is nothing.
        ValueError: not all is there: not computed to the end, or cut off since.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        manifest = read_manifest(folder)
        if manifest is None:
            raise FileNotFoundError(f'{folder}: holds no features; tools/cache_features.py CONFIG computes them')
        self.manifest = manifest
        if manifest['format'] != FORMAT:
            raise ValueError(
                f'{folder}: written by mmseg_vitseg {manifest["version"]}, in another form; {self.again()}'
            )
        self.dtype = DTYPES[manifest['dtype']]
        self.records = read_records(folder)
        done, count = len(self.records), manifest['count']
        if done != count:
            raise ValueError(f'{folder}: has {done} of {count} pictures; {manifest["command"]} computes the others')
        for name, end in ((FEATURES, self.records[-1].features[1]), (LABELS, self.records[-1].labels[1])):
            if (size := size_of(folder / name)) != end:
                raise ValueError(f'{folder / name}: damaged, {size} bytes instead of {end}; {self.again()}')

    def again(self) -> str:
        """Say how to compute the features anew."""
        return f'{self.manifest["command"]} --overwrite computes the features anew'

    def levels(self, index: int) -> tuple[Tensor, ...]:
        """Return the levels (D, h, w) of a picture, in the order in memory and of the dtype in which they are stored."""
        record = self.records[index]
        start, end = record.features
        # mapped for this picture alone: a map that stays would count its pages as the process's memory, and a worker's
        # copy of the data set would have all of it. Copied, since what torch is given must be writable.
        flat = torch.from_numpy(np.array(np.memmap(self.folder / FEATURES, np.uint8, 'r', start, (end - start,))))
        numbers = flat.view(torch.float16 if self.dtype == DTYPES['float16'] else torch.float32)
        parts = numbers.split([math.prod(shape) for shape in record.shapes])
        levels = [part.view(tuple(shape)) for part, shape in zip(parts, record.shapes, strict=True)]
        return tuple(x if gap is None else x.permute(2, 0, 1) for x, gap in zip(levels, record.gaps, strict=True))

    def mask(self, index: int) -> np.ndarray | None:
        """Return the mask (H, W), uint8, of a picture; None where it has none."""
        record = self.records[index]
        if record.mask is None:
            return None
        return np.array(np.memmap(self.folder / LABELS, np.uint8, 'r', record.labels[0], tuple(record.mask)))


def size_of(path: Path) -> int:
    """Return how many bytes a file has; 0 where there is none."""
    return path.stat().st_size if path.exists() else 0
