import hashlib
import io

import numpy as np
import pytest
from mmengine import fileio
from mmseg.registry import DATASETS

from mmseg_vitseg.datasets.multispectral_shapes import CLASSES, HIGHEST, draw_multispectral, surface

LEAVES, PAINT = map(CLASSES.index, ('leaves', 'paint'))
EXPECTED = '2d2e7e23041fec77535e98e3b5b22e1e3dadde7d5a412a4c7268351bc365a1ab'


def test_same_pixels_on_every_machine():
    """Integer arithmetic and numpy's frozen generator: these sums hold on any platform and numpy."""
    digest = hashlib.sha256()
    for index in range(20):
        image, mask = draw_multispectral(7, index, 64)
        digest.update(image.astype('<u2').tobytes() + mask.tobytes())
    assert digest.hexdigest() == EXPECTED


def test_files_are_the_drawn_pictures():
    dataset = DATASETS.build(
        dict(type='mmseg_vitseg.MultispectralShapesDataset', pipeline=[], length=3, size=48, seed=5)
    )
    info = dataset.get_data_info(2)
    image, mask = draw_multispectral(5, 2, 48)
    read = np.load(io.BytesIO(fileio.get(info['img_path'])))
    assert (read.dtype, read.shape) == (np.uint16, (48, 48, 6))
    assert np.array_equal(read, image)
    assert fileio.get(info['seg_map_path'])[1:4] == b'PNG'
    assert set(np.unique(mask)) <= set(range(len(CLASSES)))
    assert info['img_path'] == 'multispectral://48/5/000002.npy'


def test_only_infrared_tells_leaves_from_paint():
    """Where chance is the same, bands 1 to 3 are, number for number; in bands 4 to 6 no pixel of most is."""
    y, x = np.mgrid[:64, :64]
    for seed in range(30):
        states = [np.random.RandomState(seed) for _ in range(2)]
        leaves, paint = (surface(rng, label, x, y) for rng, label in zip(states, (LEAVES, PAINT), strict=True))
        assert np.array_equal(leaves[..., :3], paint[..., :3])
        assert states[0].randint(2**31) == states[1].randint(2**31)  # so what is drawn later is the same too
        assert (leaves[..., 3] > 1.5 * paint[..., 3].astype(float)).all()


def test_all_classes_appear_and_values_are_reflectances():
    pictures = [draw_multispectral(0, index, 64) for index in range(60)]
    shares = np.bincount(np.stack([mask for _, mask in pictures]).ravel(), minlength=len(CLASSES)) / (60 * 64 * 64)
    assert shares.min() > 0.03
    assert 0.5 < shares[0] < 0.9
    images = np.stack([image for image, _ in pictures])
    assert images.dtype == np.uint16
    assert 4000 < images.max() <= HIGHEST


@pytest.mark.parametrize('address', ['64/0/1.png', '64/0/1_mask.npy', '64/0/../1.npy', '0/1.npy'])
def test_other_addresses_do_not_exist(address):
    with pytest.raises(FileNotFoundError, match=r'multispectral://SIZE/SEED/INDEX\.npy or INDEX_mask\.png'):
        fileio.get(f'multispectral://{address}')


def test_mistakes_are_explained():
    with pytest.raises(ValueError, match='MultispectralShapesDataset: length=0'):
        DATASETS.build(dict(type='mmseg_vitseg.MultispectralShapesDataset', pipeline=[], length=0))
