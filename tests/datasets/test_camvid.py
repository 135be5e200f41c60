import numpy as np
import pytest
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from vitseg_tests.user_errors import raises_with

PIPELINE = [
    dict(type='mmseg_vitseg.LoadImage'),
    dict(type='mmseg_vitseg.LoadMask', values=tuple(range(12)), void=11),
]


def build(root, **kwargs):
    return DATASETS.build(dict(type='mmseg_vitseg.CamVidDataset', data_root=str(root), pipeline=PIPELINE, **kwargs))


def test_void_is_ignored(small_camvid):
    dataset = build(small_camvid)
    assert len(dataset) == 2
    mask = dataset[0]['gt_seg_map']
    assert set(np.unique(mask)) == {*range(11), 255}
    assert (mask == 255).sum() == 2
    assert len(dataset.metainfo['classes']) == len(dataset.metainfo['palette']) == 11


def test_subset_of_classes(small_camvid):
    dataset = build(small_camvid, metainfo=dict(classes=('road', 'car')))
    assert set(np.unique(dataset[0]['gt_seg_map'])) == {0, 1, 255}


def test_void_is_the_value_in_the_file(small_camvid):
    """Whatever else the labels are changed to."""
    pipeline = [PIPELINE[0], dict(PIPELINE[1], values=None)]
    sample = dict(
        img_path=str(small_camvid / 'images/train/a.jpg'),
        seg_map_path=str(small_camvid / 'annotations/train/a.png'),
        reduce_zero_label=True,
        label_map={0: 11},
        seg_fields=[],
    )
    for step in pipeline:
        sample = TRANSFORMS.build(step)(sample)
    file = np.arange(24).reshape(6, 4) % 12
    assert np.array_equal(sample['gt_seg_map'] == 255, (file == 11) | (file == 0))


def test_real_data(camvid_root):
    train = build(camvid_root)
    val = build(camvid_root, data_prefix=dict(img_path='images/val', seg_map_path='annotations/val'))
    assert (len(train), len(val)) == (367, 101)
    sample = val[0]
    assert sample['img'].shape == (360, 480, 3)
    assert set(np.unique(sample['gt_seg_map'])) <= {*range(11), 255}


@pytest.mark.parametrize(
    ('break_it', 'words'),
    [
        (lambda root: (root / 'images').rename(root / 'pictures'), ['images/train', 'CAMVID_ROOT']),
        (lambda root: [path.unlink() for path in root.glob('images/train/*')], ['no *.jpg', 'CAMVID_ROOT']),
        (lambda root: (root / 'annotations/train/b.png').unlink(), ['b.png: missing', 'b.jpg']),
    ],
)
def test_what_is_missing_is_named(small_camvid, break_it, words):
    break_it(small_camvid)
    with raises_with(FileNotFoundError, *words):
        build(small_camvid)


def test_other_values_are_refused(small_camvid):
    Image.fromarray(np.full((6, 4), 12, np.uint8)).save(small_camvid / 'annotations/train/a.png')
    with pytest.raises(ValueError, match='the mask has the value 12'):
        build(small_camvid)[0]
