import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def small_pet(tmp_path):
    """A data set in Oxford-IIIT Pet's layout: three pairs for training, two for testing."""
    root = tmp_path / 'pet'
    (root / 'images').mkdir(parents=True)
    (root / 'annotations/trimaps').mkdir(parents=True)
    rng = np.random.default_rng(0)
    splits = {'trainval': ['Bengal_1', 'Bengal_2', 'pug_3'], 'test': ['Bengal_4', 'pug_5']}
    for split, names in splits.items():
        for name in names:
            Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(root / f'images/{name}.jpg')
            Image.fromarray(rng.integers(1, 4, (30, 40)).astype(np.uint8)).save(
                root / f'annotations/trimaps/{name}.png'
            )
        (root / f'annotations/{split}.txt').write_text(''.join(f'{name} 1 1 1\n' for name in names))
    return root


@pytest.fixture
def small_camvid(tmp_path):
    """Two pairs for training; the first mask has each of the twelve values."""
    for folder in ('images/train', 'annotations/train'):
        (tmp_path / folder).mkdir(parents=True)
    for name in ('a', 'b'):
        Image.fromarray(np.zeros((6, 4, 3), np.uint8)).save(tmp_path / f'images/train/{name}.jpg')
        mask = np.arange(24, dtype=np.uint8).reshape(6, 4) % 12
        Image.fromarray(mask).save(tmp_path / f'annotations/train/{name}.png')
    return tmp_path
