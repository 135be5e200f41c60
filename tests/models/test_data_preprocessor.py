"""SegDataPreProcessor: the host's for one and three channels, and the host's band by band for any number."""

import copy

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample


def build(scope: str, **settings):
    return MODELS.build(dict(type=f'{scope}.SegDataPreProcessor', **settings))


def batch(bands: int, dtype=torch.uint8) -> dict:
    torch.manual_seed(0)
    labels = [SegDataSample(gt_sem_seg=PixelData(data=torch.randint(3, (1, 8, 10)))) for _ in range(2)]
    return dict(inputs=[torch.randint(255, (bands, 8, 10)).to(dtype) for _ in labels], data_samples=labels)


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize(
    ('bands', 'settings'),
    [
        (3, dict(mean=[120, 110.5, 100], std=[50, 60, 70.5], bgr_to_rgb=True, size_divisor=32, pad_val=7)),
        (3, dict(mean=[99], std=[9], size=(12, 12))),
        (3, dict(rgb_to_bgr=True, size_divisor=1)),
        (1, dict(mean=[99.5], std=[9.5], size_divisor=4, test_cfg=dict(size_divisor=16))),
        (6, dict(mean=[99.5], std=[9.5], bgr_to_rgb=True, size_divisor=1)),
    ],
)
def test_as_the_host(bands, settings, training):
    ours, host = (
        build(scope, **settings)(copy.deepcopy(batch(bands)), training) for scope in ('mmseg_vitseg', 'mmseg')
    )
    assert torch.equal(ours['inputs'], host['inputs'])
    for own, theirs in zip(ours['data_samples'], host['data_samples'], strict=True):
        assert own.metainfo == theirs.metainfo
        assert torch.equal(own.gt_sem_seg.data, theirs.gt_sem_seg.data)


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize(
    ('bands', 'dtype'), [(2, torch.uint8), (6, torch.uint16), (6, torch.int16), (13, torch.float32)]
)
def test_any_number_of_bands(bands, dtype, training):
    mean, std = list(range(bands)), [10.5 + band for band in range(bands)]
    preprocessor = build('mmseg_vitseg', mean=mean, std=std, bgr_to_rgb=True, size_divisor=1)
    given = batch(bands, dtype)
    expected = [
        build('mmseg', mean=mean[band : band + 1], std=std[band : band + 1], size_divisor=1)(
            dict(inputs=[one[band : band + 1] for one in given['inputs']])
        )['inputs']
        for band in range(bands)
    ]
    assert torch.equal(preprocessor(given, training)['inputs'], torch.cat(expected, dim=1))
    assert not preprocessor.state_dict()  # as the host's: the config says it, not the checkpoint


def test_pictures_of_other_bands():
    with pytest.raises(ValueError, match=r'pictures of 5 bands, and model\.data_preprocessor\.mean is of 6; change'):
        build('mmseg_vitseg', mean=[1.0] * 6, std=[1.0] * 6)(batch(5), training=True)


@pytest.mark.parametrize(
    'settings',
    [dict(mean=[1.0] * 6), dict(mean=[1.0] * 6, std=[1.0] * 5), dict(std=[1.0]), dict(mean=[1.0] * 2, std=[1.0, 0])],
)
def test_mistakes_are_explained(settings):
    with pytest.raises(ValueError, match=r'SegDataPreProcessor: mean=.* allowed: None and None, or for each band'):
        build('mmseg_vitseg', **settings)
