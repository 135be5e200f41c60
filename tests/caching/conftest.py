"""A folder with a small probe: a config and the weights that it starts with."""

import shutil
from pathlib import Path

import cv2
import pytest

from mmseg_vitseg.datasets.shapes import draw_shapes
from vitseg_tests.probes import OF_FILES, write_probe


@pytest.fixture
def work(tmp_path, monkeypatch) -> Path:
    """An empty folder, the working one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope='session')
def probe_on_files(tmp_path_factory) -> Path:
    """A folder with a probe on six pictures in files, ``data/images`` and ``data/masks``."""
    folder = tmp_path_factory.mktemp('probe')
    for place in ('images', 'masks'):
        (folder / 'data' / place).mkdir(parents=True)
    for index in range(6):
        for place, picture in zip(('images', 'masks'), draw_shapes(0, index, 40), strict=True):
            cv2.imwrite(str(folder / f'data/{place}/{index}.png'), picture)
    write_probe(folder, data=OF_FILES)
    return folder


@pytest.fixture
def probe(probe_on_files, work) -> Path:
    """A copy of it, to be broken: the working folder."""
    shutil.copytree(probe_on_files, work, dirs_exist_ok=True)
    return work
