"""show_bands: which bands are red, green and blue, counted in the file, whatever step reads it."""

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import Compose

from mmseg_vitseg.datasets.reader import Reader
from mmseg_vitseg.datasets.showing import display_of

BANDS = np.random.default_rng(0).integers(0, 256, (5, 7, 6), np.uint8)  # of a file, in its order
COLOURS = 'mmseg_vitseg.LoadImage', {}
ALL = 'mmseg_vitseg.LoadImage', dict(bands='all')
PICKED = 'mmseg_vitseg.LoadImage', dict(bands=(6, 3, 1, 2))
ARRAYS = 'LoadImageFromNpyFile', {}
FOUR = 'LoadImageFromFile', dict(color_type='unchanged', imdecode_backend='cv2')


def shown(step, show_bands, picture, bgr_to_rgb=False, nodata=None):
    settings = {} if show_bands is None else dict(show_bands=show_bands)
    cfg = Config(dict(model=dict(data_preprocessor=dict(bgr_to_rgb=bgr_to_rgb)), **settings))
    reader = Reader(Compose([dict(type=step[0], **step[1])]).transforms)
    return display_of(cfg, reader)(picture, nodata=nodata)


# the reading step, show_bands, the picture that the step makes of the file, the file's bands that are shown
SHOWN = [
    (ALL, None, BANDS, (1, 2, 3)),
    (ALL, (3, 2, 1), BANDS, (3, 2, 1)),
    (ALL, [6, 5, 4], BANDS, (6, 5, 4)),
    (ALL, (4,), BANDS, (4, 4, 4)),
    (ARRAYS, (3, 2, 1), BANDS, (3, 2, 1)),
    (PICKED, (3, 2, 1), BANDS[..., [5, 2, 0, 1]], (3, 2, 1)),
    (PICKED, None, BANDS[..., [5, 2, 0, 1]], (6, 3, 1)),
    (COLOURS, (1, 2, 3), BANDS[..., 2::-1], (1, 2, 3)),  # decoded as BGR
    (COLOURS, (2,), BANDS[..., 2::-1], (2, 2, 2)),
    (FOUR, (4, 3, 1), BANDS[..., [2, 1, 0, 3]], (4, 3, 1)),
    (FOUR, (1,), BANDS[..., :1], (1, 1, 1)),
]


@pytest.mark.parametrize(('step', 'show_bands', 'picture', 'expected'), SHOWN)
def test_bands_are_the_files(step, show_bands, picture, expected):
    found = shown(step, show_bands, picture)
    assert np.array_equal(found, BANDS[..., np.array(expected) - 1])
    if show_bands is not None:  # which is not said twice
        assert np.array_equal(shown(step, show_bands, picture, bgr_to_rgb=True), found)


def test_no_data_are_black_and_stretch_nothing():
    deep = BANDS.astype(np.uint16) * 30
    hole = np.zeros((5, 7), bool)
    hole[1:3, 2:5] = True
    spoilt = np.where(hole[..., None], 60000, deep).astype(np.uint16)
    found = shown(ALL, (3, 2, 1), spoilt, nodata=hole)
    assert not found[hole].any()
    assert np.array_equal(found, shown(ALL, (3, 2, 1), np.where(hole[..., None], np.nan, deep)))
    assert found[~hole].max() == 255
    assert np.array_equal(shown(ALL, None, BANDS, nodata=hole), np.where(hole[..., None], 0, BANDS[..., :3]))


@pytest.mark.parametrize('show_bands', ['321', 3, (1, 2), (), (0, 1, 2), (1.0, 2, 3), (True, 2, 3), (1, 2, 3, 4)])
def test_what_is_no_three_bands_is_refused(show_bands):
    with pytest.raises(ValueError, match=r'show_bands=.*; allowed: three numbers of bands, from 1'):
        shown(ALL, show_bands, BANDS)


def test_bands_that_are_not_there():
    with pytest.raises(
        ValueError, match=r'LoadImage reads the bands 6, 3, 1, 2; allowed: three of these, or one, not 4, 5$'
    ):
        shown(PICKED, (6, 5, 4), BANDS)
    with pytest.raises(
        ValueError, match=r'band 7 is to be shown \(show_bands\), of pictures that have 6; allowed: 1 to 6'
    ):
        shown(ALL, (7, 2, 1), BANDS)
