"""The host's steps on pictures of many bands: what is said of each is what it does."""

import random

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose

from mmseg_vitseg.checking.checks import check_config
from mmseg_vitseg.checking.pictures_of_bands import OPENCVS_MOST, labels_of_no_data, steps_for_colours
from mmseg_vitseg.checking.training_setup import Setup
from mmseg_vitseg.config.building import use_scope
from vitseg_tests.paths import config_path

SIDES = (64, 80)
OURS = dict(type='mmseg_vitseg.LoadImage', bands='all')
SCALED = dict(OURS, scale=(0, 9000))
MASK = dict(type='mmseg_vitseg.LoadMask')


def results(picture: np.ndarray) -> dict:
    mask = np.arange(64 * 80, dtype=np.uint8).reshape(SIDES) % 3
    keys = dict(img_shape=SIDES, ori_shape=SIDES, seg_fields=['gt_seg_map'], img_path='a', seg_map_path='b')
    return dict(keys, img=picture.copy(), gt_seg_map=mask, reduce_zero_label=False)


def run(step: dict, picture: np.ndarray) -> np.ndarray:
    """Run a step of the host's with the same random numbers each time; bands last."""
    random.seed(1)
    np.random.seed(1)
    done = Compose([step])(results(picture))
    return done['inputs'].numpy().transpose(1, 2, 0) if 'inputs' in done else done['img']


def picture_of(channels: int, dtype: str = 'float32') -> np.ndarray:
    rng = np.random.default_rng(0)
    high = 256 if dtype == 'uint8' else 9000
    return (rng.integers(0, high, (*SIDES, channels)) * (255 / 9000 if dtype == 'float32' else 1)).astype(dtype)


def findings(step: dict, channels: int, load: dict = SCALED, mask: dict = MASK) -> list:
    dataset = dict(type='BaseSegDataset', pipeline=[load, mask, step, dict(type='PackSegInputs')])
    backbone = dict(type='mmseg_vitseg.VisionTransformer', in_channels=channels)
    setup = Setup(
        Config(dict(default_scope='mmseg', model=dict(backbone=backbone), train_dataloader=dict(dataset=dataset)))
    )
    use_scope(setup.cfg)
    return [*steps_for_colours(setup), *labels_of_no_data(setup)]


RIGHT = [
    dict(type='Resize', scale=(60, 50), keep_ratio=False),
    dict(type='RandomResize', scale=(100, 80), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomChoiceResize', scales=[(40, 40)], resize_type='Resize'),
    dict(type='ResizeShortestEdge', scale=50, max_size=100),
    dict(type='ResizeToMultiple'),
    dict(type='RandomCrop', crop_size=(32, 32), cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=1.0),
    dict(type='RandomFlip', prob=1.0, direction='diagonal'),
    dict(type='RandomRotate', prob=1.0, degree=20),
    dict(type='RandomRotFlip', rotate_prob=1.0, flip_prob=1.0, degree=20),
    dict(type='Pad', size=(100, 100), pad_val=dict(img=0.0, seg=255)),
    dict(type='PackSegInputs'),
]


@pytest.mark.parametrize('step', RIGHT, ids=lambda step: step['type'])
@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'int16', 'float32'])
def test_right_on_any_bands(step, dtype):
    """Each band as if it were alone, but for OpenCV's roundings, and a rotation's steps of 1/32 of a pixel."""
    picture = picture_of(7, dtype)
    done = run(step, picture)
    assert (done.dtype, done.shape[2]) == (picture.dtype, 7)
    span = float(picture.max())
    allowed = span / 16 if 'Rot' in step['type'] else max(1, span * 1e-5) if 'Resize' in step['type'] else 0
    for band in (0, 3, 6):
        alone = run(step, np.ascontiguousarray(picture[..., band])).reshape(done.shape[:2])
        np.testing.assert_allclose(done[..., band].astype(float), alone.astype(float), atol=allowed, rtol=0)
    assert findings(step, 7) == []


FAILING = [
    (dict(type='PhotoMetricDistortion'), 6, 'mmseg_vitseg.RandomBrightnessContrast'),
    (dict(type='RGB2Gray'), 6, 'leave it out'),
    (dict(type='RandomGrayscale', prob=1.0), 6, 'leave it out'),
    (dict(type='RandomCutOut', prob=1.0, n_holes=2, cutout_shape=(4, 4)), 6, 'fill_in=(0, 0, ...)'),
    (dict(type='Normalize', mean=[1.0] * 6, std=[1.0] * 6), 6, 'to_rgb=False'),
    (dict(type='Pad', size=(100, 100)), 6, 'pad_val=dict(img=0.0'),
    (dict(type='Resize', scale=(60, 50), interpolation='area'), 6, "interpolation='bilinear'"),
    *[(step, OPENCVS_MOST + 1, 'OpenCV') for step in RIGHT[:1] + RIGHT[8:9] + RIGHT[10:11]],
]
MENDED = [
    dict(type='RandomCutOut', prob=1.0, n_holes=2, cutout_shape=(4, 4), fill_in=(0,) * 6),
    dict(type='Normalize', mean=[1.0] * 6, std=[1.0] * 6, to_rgb=False),
    dict(type='CLAHE'),
]


@pytest.mark.parametrize(('step', 'channels', 'fix'), FAILING)
def test_failing(step, channels, fix):
    with pytest.raises(Exception):  # noqa: B017
        run(step, picture_of(channels))
    (finding,) = findings(dict(type='RandomApply', transforms=[step]), channels)
    assert (finding.severity, finding.key) == ('error', 'train_dataloader.dataset.pipeline.2.transforms.0.type')
    assert finding.what == f'{step["type"]}, on pictures of {channels} channels'
    assert fix in finding.fix


@pytest.mark.parametrize('step', MENDED, ids=lambda step: step['type'])
def test_as_the_fix_says(step):
    assert run(step, picture_of(6)).shape == (*SIDES, 6)
    assert findings(step, 6) == []


@pytest.mark.parametrize('step', [dict(type='PhotoMetricDistortion'), dict(type='CLAHE'), dict(type='AdjustGamma')])
def test_eight_bits(step):
    """Three bands of 16 bits go through, and come out as 8 bits; scaled they are what the step takes."""
    assert run(step, picture_of(3, 'uint16')).max() <= 255
    (finding,) = findings(step, 3, OURS)
    assert (finding.severity, finding.what) == (
        'warning',
        f'{step["type"]}, on pictures, as deep as their files, of 3 channels',
    )
    assert 'makes 8 bits' in finding.why
    assert findings(step, 3) == []


def test_volumes():
    picture = np.zeros((*SIDES, 6), np.float32)
    picture[..., 2] = 100
    blurred = run(dict(type='BioMedicalGaussianBlur', prob=1.0, prob_per_channel=1.0), picture)
    assert (blurred[..., 1] > 0).any()  # from its neighbour
    (finding,) = findings(dict(type='BioMedicalGaussianBlur', prob=1.0), 6)
    assert 'mixes bands' in finding.why


@pytest.mark.parametrize(
    ('load', 'channels', 'found'),
    [
        (dict(type='LoadImageFromFile'), 3, 0),
        (dict(type='LoadImageFromFile', color_type='grayscale'), 1, 1),
        (dict(type='LoadImageFromFile', color_type='unchanged'), 4, 1),
        (dict(type='LoadImageFromNpyFile'), 3, 0),
        (dict(type='LoadImageFromNpyFile'), 5, 1),
        (dict(SCALED, bands=(3, 2, 1)), 3, 0),
        (dict(SCALED, bands=(3, 2, 1, 8)), 3, 1),
    ],
)
def test_what_a_step_reads(load, channels, found):
    assert len(findings(dict(type='PhotoMetricDistortion'), channels, load)) == found


@pytest.mark.parametrize(
    ('load', 'mask', 'found'),
    [
        (OURS, MASK, 0),
        (MASK, OURS, 1),
        (OURS, dict(type='LoadAnnotations'), 1),
        (dict(OURS, nodata=0), dict(type='LoadAnnotations'), 1),
        (dict(OURS, nodata=None), dict(type='LoadAnnotations'), 0),
        (dict(type='mmseg_vitseg.LoadImage'), dict(type='LoadAnnotations'), 0),
        (OURS, dict(type='LoadAnnotations', _scope_='mmseg_vitseg'), 0),
    ],
)
def test_labels_of_no_data(load, mask, found):
    listed = findings(dict(type='RandomFlip', prob=0.5), 3, load, mask)
    assert len(listed) == found
    if found:
        assert listed[0].key == f'train_dataloader.dataset.pipeline.{int(load is not MASK)}.type'
        assert 'keep the labels' in listed[0].why
        assert 'mmseg_vitseg.LoadMask' in listed[0].fix


def test_in_a_whole_config():
    cfg = Config.fromfile(config_path('quickstart'))
    cfg.train_dataloader.dataset.pipeline.insert(2, dict(type='Pad', size=(100, 100)))
    assert [one for one in check_config(cfg) if one.key.endswith('type')] == []
    cfg.train_dataloader.dataset.pipeline[0] = SCALED
    cfg.model.backbone.in_channels = 5
    assert [one.key.rpartition('pipeline')[2] for one in check_config(cfg)][:2] == ['.2.type', '.1.type']
