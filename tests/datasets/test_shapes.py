import hashlib

import numpy as np
import pytest
from mmengine import fileio
from mmseg.registry import DATASETS

from mmseg_vitseg.datasets.shapes import CLASSES, draw_shapes, keep_drawn

PIPELINE = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations'), dict(type='PackSegInputs')]


def build(**kwargs):
    return DATASETS.build(dict(type='mmseg_vitseg.ShapesDataset', pipeline=PIPELINE, **kwargs))


def test_same_pixels_on_every_machine():
    """Integer arithmetic and numpy's frozen generator: these sums hold on any platform and numpy."""
    digest = hashlib.sha256()
    for index in range(20):
        for picture in draw_shapes(7, index, 64):
            digest.update(picture.tobytes())
    assert digest.hexdigest() == EXPECTED


EXPECTED = 'b36bb7654f7cd2c6e0d223ba05a46ef86b4b58def4b4bc83ffdc68027a2249dc'


def test_samples_are_the_drawn_pictures():
    dataset = build(length=3, size=48, seed=5)
    assert len(dataset) == 3
    image, mask = draw_shapes(5, 2, 48)
    sample = dataset[2]
    assert np.array_equal(sample['inputs'].numpy().transpose(1, 2, 0), image)
    assert np.array_equal(sample['data_samples'].gt_sem_seg.data[0].numpy(), mask)


def test_all_classes_appear_and_pictures_differ():
    masks = np.stack([draw_shapes(0, index, 64)[1] for index in range(60)])
    shares = np.bincount(masks.ravel(), minlength=len(CLASSES)) / masks.size
    assert shares.min() > 0.03
    assert 0.5 < shares[0] < 0.9
    assert not np.array_equal(draw_shapes(0, 0, 64)[0], draw_shapes(1, 0, 64)[0])
    assert not np.array_equal(draw_shapes(0, 0, 64)[0], draw_shapes(0, 1, 64)[0])


def test_pictures_are_drawn_once_while_there_is_room(monkeypatch):
    """The oldest make room; each size has its own; what callers write into a picture stays with them."""
    monkeypatch.setattr('mmseg_vitseg.datasets.shapes.KEPT', 2 * 16 * 16)
    drawn = []
    draw = keep_drawn(lambda *picture: drawn.append(picture) or (np.zeros(3), np.zeros(3)))
    for index, size in [(0, 16), (1, 16), (0, 16), (0, 64), (2, 16), (0, 16), (1, 16), (0, 64)]:
        image, mask = draw(5, index, size)
        assert not (image.any() or mask.any())
        image[:] = mask[:] = 1  # theirs alone
    assert drawn == [(5, 0, 16), (5, 1, 16), (5, 0, 64), (5, 2, 16), (5, 1, 16)]


@pytest.mark.parametrize('arguments', [dict(length=0), dict(length='abc'), dict(size=15), dict(seed=-1)])
def test_mistakes_are_explained(arguments):
    with pytest.raises(ValueError, match='ShapesDataset'):
        build(**arguments)


def test_other_addresses_do_not_exist():
    with pytest.raises(FileNotFoundError, match='INDEX'):
        fileio.get('shapes://64/0/../../etc/passwd')
