"""Brightness and contrast: the host's sums band by band; what the host's colours would spoil is refused."""

import numpy as np
import pytest
from mmseg.datasets.transforms import PhotoMetricDistortion
from mmseg.registry import TRANSFORMS

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 8, 6), np.uint8)
PIXELS[0, 0], PIXELS[0, 1] = 255, 0


def build(name, **kwargs):
    return TRANSFORMS.build(dict(type=f'mmseg_vitseg.{name}', **kwargs))


@pytest.mark.parametrize('seed', range(12))
def test_brightness_and_contrast_are_the_hosts_in_each_band(seed):
    np.random.seed(seed)
    changed = build('RandomBrightnessContrast', brightness_delta=1)(dict(img=PIXELS))['img']
    np.random.seed(seed)
    brightness = np.random.uniform(-1, 1) if np.random.randint(2) else 0
    contrast = np.random.uniform(0.5, 1.5) if np.random.randint(2) else 1
    for band in range(6):
        one = PIXELS[..., band]
        expected = PhotoMetricDistortion().convert(one, alpha=np.float32(contrast), beta=brightness * one.std())
        assert np.abs(changed[..., band].astype(int) - expected).max() <= 1  # of 255: the last bit of a float32
    assert (changed is PIXELS, changed.dtype) == (False, np.uint8)


@pytest.mark.parametrize('dtype', [np.uint16, np.int16, np.float32])
@pytest.mark.parametrize('seed', range(4))
def test_the_numbers_of_a_band_do_not_matter(seed, dtype):
    step = build('RandomBrightnessContrast', brightness_delta=0.01, contrast_range=(0.9, 1.1))
    np.random.seed(seed)
    small = step(dict(img=PIXELS.astype(np.float32)))['img']
    np.random.seed(seed)
    large = step(dict(img=PIXELS.astype(dtype) * dtype(100)))['img']
    assert large.dtype == dtype
    np.testing.assert_allclose(large, small * 100 if dtype == np.float32 else (small * 100).clip(0), atol=300 / 255)


def test_whole_numbers_are_cut_off_at_their_ends():
    np.random.seed(3)
    step = build('RandomBrightnessContrast', brightness_delta=0, contrast_range=(4, 4))
    found = [step(dict(img=PIXELS.astype(np.uint16) * 256))['img'] for _ in range(8)]
    assert any(one.max() == 65535 and one.min() < 1000 for one in found)


@pytest.mark.parametrize('seed', range(6))
@pytest.mark.parametrize('dtype', [np.uint8, np.float32])
def test_colours_are_distorted_as_by_the_host(seed, dtype):
    found = []
    for step in (build('PhotoMetricDistortion'), PhotoMetricDistortion()):
        np.random.seed(seed)
        found.append(step(dict(img=PIXELS[..., :3].astype(dtype)))['img'])
    assert np.array_equal(*found)


REFUSED = {
    'bands': (PIXELS, '6 bands, uint8, 0 to 255'),
    'grey': (PIXELS[..., 0], '1 bands, uint8'),
    'deep': (PIXELS[..., :3].astype(np.uint16) * 39, '3 bands, uint16, 0 to 9945'),
    'shares': (PIXELS[..., :3] / np.float32(255), '3 bands, float32, 0 to 1'),
    'large floats': (PIXELS[..., :3] * np.float32(2), '3 bands, float32, 0 to 510'),
}


@pytest.mark.parametrize('kind', REFUSED)
def test_what_is_no_colours_of_8_bits_is_refused(kind):
    img, what = REFUSED[kind]
    with pytest.raises(
        ValueError, match=f'x.tif: PhotoMetricDistortion is for .* these are {what}.*RandomBrightnessContr'
    ):
        build('PhotoMetricDistortion')(dict(img=img, img_path='x.tif'))


@pytest.mark.parametrize(
    'kwargs', [dict(brightness_delta=-1), dict(contrast_range=(2, 1)), dict(contrast_range=(0, 1))]
)
def test_mistakes_are_explained(kwargs):
    with pytest.raises(ValueError, match=r'RandomBrightnessContrast: brightness_delta=.*allowed'):
        build('RandomBrightnessContrast', **kwargs)
