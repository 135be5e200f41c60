"""Files of data sets: what split files name, what suffixes leave out, pictures and masks without each other."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_vitseg.checking.checks import check_config
from vitseg_tests.own_data import config_on

NAMES = ('a', 'b', 'c')


@pytest.fixture(autouse=True)
def written(tmp_path):
    """Three pairs in the host's layout."""
    for folder, suffix in (('images', '.jpg'), ('masks', '.png')):
        (tmp_path / folder).mkdir()
        for name in NAMES:
            Image.fromarray(np.eye(16, dtype=np.uint8)).save(tmp_path / folder / f'{name}{suffix}')


def found_in(root: Path, data_too: bool = False, **changes) -> list:
    """Return what check_config.py --data finds, or a training that starts."""
    cfg = config_on(root, **changes)
    return check_config(cfg, (lambda indices, name: indices) if data_too else None, starting=not data_too)


@pytest.mark.parametrize('data_too', [False, True])
@pytest.mark.parametrize('content', [b'a\nb', b'a\r\nb\r\n', b'  a \n'])
def test_split_files_that_the_host_reads(tmp_path, content, data_too):
    (tmp_path / 'split.txt').write_bytes(content)
    assert found_in(tmp_path, data_too, ann_file='split.txt') == []


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (b'a\nb\n\n', ['1 of 3 lines of', "split.txt name no picture: line 3, '': blank"]),
        (b'\xef\xbb\xbfa\nb', ["line 1, '\\ufeffa': a byte order mark", 'UTF-8 without one']),
        (b'a.jpg\nb.jpg', ['2 of 2 lines', "line 1, 'a.jpg': has its suffix; line 2", "without '.jpg'"]),
        (b'images/a.jpg', ["'images/a.jpg': a path from elsewhere"]),
        (b'images/a', ["'images/a': a path from elsewhere"]),
        (b'a.jpg a.png\n', ['more than one name']),
        (b'a\nx\nb', ['1 of 3 lines', "line 2, 'x': there is no", 'images/x.jpg']),
        (b'x1\nx2\nx3\nx4\nx5', ['5 of 5 lines', "line 3, 'x3'", 'and 2 more']),
        (b'caf\xe9', ['split.txt: not a text file in UTF-8', 'save it as UTF-8']),
    ],
)
def test_what_is_wrong_with_a_split_file(tmp_path, content, words):
    (tmp_path / 'split.txt').write_bytes(content)
    (starting,) = found_in(tmp_path, ann_file='split.txt')
    for finding in (starting, found_in(tmp_path, True, ann_file='split.txt')[0]):
        assert (finding.severity, finding.key) == ('error', 'train_dataloader.dataset.ann_file')
        for word in words:
            assert word in str(finding)


def test_a_split_file_that_is_not_there(tmp_path):
    (finding,) = found_in(tmp_path, ann_file='none.txt')
    assert (finding.severity, finding.key) == ('error', 'train_dataloader.dataset.ann_file')
    assert f"no file '{tmp_path / 'none.txt'}'" in finding.what


@pytest.mark.parametrize('data_too', [False, True])
def test_suffixes_in_another_case_are_counted(tmp_path, data_too):
    for name in NAMES[:2]:
        (tmp_path / f'images/{name}.jpg').rename(tmp_path / f'images/{name}.JPG')
    (tmp_path / 'images/notes.txt').write_text('no picture')
    (finding,) = found_in(tmp_path, data_too)
    assert (finding.severity, finding.key) == ('warning', 'train_dataloader.dataset.img_suffix')
    assert '2 pictures end in .JPG, not in .jpg' in finding.what
    assert '2 masks have no picture' in finding.what
    assert '1 pictures are taken' in finding.what


def test_pictures_and_masks_in_one_folder(tmp_path):
    for path in (tmp_path / 'masks').iterdir():
        path.rename(tmp_path / 'images' / path.name)
    assert found_in(tmp_path, data_prefix=dict(img_path='images', seg_map_path='images')) == []


@pytest.mark.parametrize('data_too', [False, True])
def test_pictures_without_a_mask_are_counted(tmp_path, data_too):
    for name in NAMES[:2]:
        (tmp_path / f'masks/{name}.png').unlink()
    (finding,) = found_in(tmp_path, data_too)
    assert finding.severity == 'error'
    assert f'2 of 3 pictures have no mask: {tmp_path}/images/a.jpg has no {tmp_path}/masks/a.png' in finding.what


def test_a_folder_of_masks_that_is_not_there(tmp_path):
    (tmp_path / 'masks').rename(tmp_path / 'labels')
    (finding,) = found_in(tmp_path)
    assert '3 of 3 pictures have no mask' in finding.what
