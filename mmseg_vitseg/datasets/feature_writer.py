"""Writing features of pictures to a disk (feature_files.py, also for D h w and H W), so that a killed writer can go on."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from mmseg_vitseg.config.changed_settings import plain
from mmseg_vitseg.datasets.feature_files import DTYPES, FEATURES, INDEX, LABELS, Record, read_records, size_of


class FeatureWriter:
    """Writes features after those that are there already: after the last one that is whole.

    Args:
        folder: it is there, and no other process writes to it.
        dtype: of the features.

    Raises:
        OSError: with the file's name.
    """

    def __init__(self, folder: Path, dtype: str):
        self.folder = folder
        self.dtype = DTYPES[dtype]
        self.records = read_records(folder)
        while self.records and any(
            size_of(folder / name) < end
            for name, end in ((FEATURES, self.records[-1].features[1]), (LABELS, self.records[-1].labels[1]))
        ):
            self.records.pop()
        self.lines = [json.dumps(asdict(record)).encode() + b'\n' for record in self.records]
        last = self.records[-1] if self.records else None
        self.ends = {
            FEATURES: last.features[1] if last else 0,
            LABELS: last.labels[1] if last else 0,
            INDEX: sum(map(len, self.lines)),
        }
        self.lines = []

    def __enter__(self) -> 'FeatureWriter':
        self.files = {}
        for name, end in self.ends.items():
            file = open(self.folder / name, 'ab', buffering=0)
            file.truncate(end)
            self.files[name] = file
        return self

    def __exit__(self, *_) -> None:
        for file in self.files.values():
            file.close()

    def add(
        self,
        levels: Sequence[Tensor],
        gaps: Sequence[int | None],
        mask: np.ndarray | None,
        meta: dict,
        files: list,
    ) -> None:
        """Write a picture's levels (D, h, w), CPU, and its mask (H, W), uint8; it counts when :meth:`keep` is done."""
        stored = [x if gap is None else x.permute(1, 2, 0) for x, gap in zip(levels, gaps, strict=True)]
        arrays = [np.ascontiguousarray(level.numpy(), self.dtype) for level in stored]
        record = Record(
            features=self._write(FEATURES, *arrays),
            shapes=[array.shape for array in arrays],
            gaps=gaps,
            labels=self._write(LABELS, *([] if mask is None else [np.ascontiguousarray(mask)])),
            mask=None if mask is None else mask.shape,
            meta=plain(meta),
            files=files,
        )
        self.lines.append(json.dumps(asdict(record)).encode() + b'\n')

    def keep(self) -> None:
        """Have what was added be on the disk, then in the index."""
        for name in (FEATURES, LABELS):
            self._synchronise(name)
        self._write(INDEX, b''.join(self.lines))
        self._synchronise(INDEX)
        self.lines = []

    def _write(self, name: str, *contents: Any) -> tuple[int, int]:
        """Append to a file, and return the first byte, and the first after the last."""
        start = self.ends[name]
        for content in contents:
            rest = memoryview(content).cast('B')
            while rest:
                with _naming(self.folder / name):
                    written = self.files[name].write(rest)
                rest = rest[written:]
                self.ends[name] += written
        return start, self.ends[name]

    def _synchronise(self, name: str) -> None:
        with _naming(self.folder / name):
            os.fsync(self.files[name].fileno())


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Give an error of the system the name of the file that it is about."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
