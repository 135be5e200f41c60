"""Configs of ours are named from any folder; a user's file of that name is the one that is meant."""

from pathlib import Path

import pytest

from mmseg_vitseg.config.reading import read_config
from mmseg_vitseg.config.shipped import FOLDER, find_config


@pytest.fixture(autouse=True)
def empty_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ('name', 'file'),
    [
        ('quickstart', 'quickstart.py'),
        ('configs/quickstart.py', 'quickstart.py'),
        ('configs/_base_/default_runtime.py', '_base_/default_runtime.py'),
    ],
)
def test_ours(name, file):
    assert find_config(name) == FOLDER / file


@pytest.mark.parametrize('name', ['quickstart.py', 'quickstrat', './elsewhere/quickstart.py', 'elsewhere/quickstart'])
def test_what_is_not_ours_is_as_it_was_named(name):
    assert find_config(name) == Path(name)


@pytest.mark.parametrize('name', ['quickstart', 'quickstart.py', 'configs/quickstart.py'])
def test_a_file_of_the_user_wins(name):
    mine = Path(name).with_suffix('.py')
    mine.parent.mkdir(exist_ok=True)
    mine.write_text('mine = True')
    assert read_config(name).mine


def test_a_folder_of_that_name_is_not_meant():
    Path('quickstart').mkdir()
    assert find_config('quickstart') == FOLDER / 'quickstart.py'


@pytest.mark.parametrize('name', ['quickstrat', 'configs/quickstrat.py', 'quickstart.py'])
def test_a_misspelt_name(name):
    with pytest.raises(FileNotFoundError, match=r'no such config; did you mean quickstart\?'):
        read_config(name)


def test_data_are_looked_for_from_the_working_folder(monkeypatch):
    monkeypatch.delenv('PET_ROOT', raising=False)
    assert read_config('setr_pup_pet').test_dataloader.dataset.data_root == 'data/oxford-iiit-pet'
