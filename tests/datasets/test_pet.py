import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from vitseg_tests.user_errors import raises_with

PIPELINE = [dict(type='mmseg_vitseg.LoadImage'), dict(type='mmseg_vitseg.LoadMask', values=(1, 2, 3))]


def build(root, **kwargs):
    return DATASETS.build(dict(type='mmseg_vitseg.OxfordPetDataset', data_root=str(root), pipeline=PIPELINE, **kwargs))


@pytest.mark.parametrize('fast', [True, False])
def test_pairs_and_classes(small_pet, fast):
    dataset = build(small_pet, serialize_data=fast)
    assert len(dataset) == 3
    assert dataset.metainfo['classes'] == ('pet', 'background', 'border')
    sample = dataset[0]
    trimap = np.array(Image.open(small_pet / 'annotations/trimaps/Bengal_1.png'))
    assert np.array_equal(sample['gt_seg_map'], trimap - 1)
    assert sample['img'].shape == (30, 40, 3)
    assert len(build(small_pet, ann_file='annotations/test.txt')) == 2


def test_real_data(pet_root):
    train, test = build(pet_root), build(pet_root, ann_file='annotations/test.txt')
    assert (len(train), len(test)) == (360, 278) or len(train) == 3680
    assert set(np.unique(test[0]['gt_seg_map'])) <= {0, 1, 2}


def test_comments_windows_line_ends_and_blank_lines(small_pet):
    (small_pet / 'annotations/trainval.txt').write_bytes(b'# a comment\r\nBengal_1 1 1 1\r\n\r\npug_3\r\n')
    assert len(build(small_pet)) == 2


def test_subset_of_classes(small_pet):
    dataset = build(small_pet, metainfo=dict(classes=('pet', 'background')))
    assert set(np.unique(dataset[0]['gt_seg_map'])) == {0, 1, 255}


@pytest.mark.parametrize(
    ('break_it', 'error', 'words'),
    [
        (
            lambda root: root.rename(root.with_name('other')),
            FileNotFoundError,
            ['no folder', 'PET_ROOT', 'prepare_pet.py'],
        ),
        (lambda root: (root / 'annotations/trainval.txt').unlink(), FileNotFoundError, ['trainval.txt', 'split file']),
        (lambda root: (root / 'images/Bengal_2.jpg').unlink(), FileNotFoundError, ['Bengal_2.jpg', 'missing']),
        (lambda root: (root / 'annotations/trimaps/pug_3.png').unlink(), FileNotFoundError, ['pug_3.png', 'missing']),
        (lambda root: (root / 'annotations/trainval.txt').write_text('# none\n'), ValueError, ['names no image']),
        (lambda root: (root / 'annotations/trainval.txt').write_text('pug_3\npug_3\n'), ValueError, ["'pug_3' twice"]),
        (lambda root: (root / 'annotations/trainval.txt').write_text('../x\n'), ValueError, ["'../x' is not a plain"]),
    ],
)
def test_what_is_missing_is_named(small_pet, break_it, error, words):
    break_it(small_pet)
    with raises_with(error, *words):
        build(small_pet)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ('break_it', 'words'),
    [
        (lambda root: truncate(root / 'images/Bengal_1.jpg'), ['Bengal_1.jpg', 'damaged', 'truncated']),
        (lambda root: (root / 'images/Bengal_1.jpg').write_text('<html>'), ['Bengal_1.jpg', 'not an image']),
        (lambda root: truncate(root / 'annotations/trimaps/Bengal_1.png'), ['Bengal_1.png', 'not a mask, or damaged']),
        (
            lambda root: Image.new('L', (40, 20), 1).save(root / 'annotations/trimaps/Bengal_1.png'),
            ['Bengal_1.png', '20 x 40', '30 x 40'],
        ),
        (
            lambda root: Image.new('RGB', (40, 30), (1, 1, 1)).save(root / 'annotations/trimaps/Bengal_1.png'),
            ['30 x 40 x 3', 'one value a pixel'],
        ),
        (
            lambda root: Image.new('L', (40, 30), 4).save(root / 'annotations/trimaps/Bengal_1.png'),
            ['Bengal_1.png', 'value 4;', 'allowed: 1, 2, 3'],
        ),
        (
            lambda root: Image.new('I;16', (40, 30), 257).save(root / 'annotations/trimaps/Bengal_1.png'),
            ['Bengal_1.png', 'masks have 8 bits'],
        ),
        (lambda root: Image.new('L', (40, 30), 0).save(root / 'annotations/trimaps/Bengal_1.png'), ['value 0;']),
        (
            lambda root: Image.new('L', (40, 30), 255).save(root / 'annotations/trimaps/Bengal_1.png'),
            ['value 255;'],
        ),
    ],
)
def test_what_is_damaged_is_named(small_pet, break_it, words):
    dataset = build(small_pet)
    break_it(small_pet)
    with raises_with(ValueError, *words):
        dataset[0]


def test_what_vanishes_later_is_named(small_pet):
    dataset = build(small_pet)
    (small_pet / 'images/Bengal_1.jpg').unlink()
    with pytest.raises(FileNotFoundError, match=r'Bengal_1\.jpg'):
        dataset[0]
