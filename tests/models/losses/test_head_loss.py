"""Losses of our segmentor with the host's heads in it, against the host's segmentor: values, accuracies and gradients."""

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch.testing import assert_close

from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.models.losses import head_loss
from vitseg_tests.against_host import HOST_VIT

BN = dict(type='BN')
LEVELS = dict(in_channels=[8] * 4, in_index=[0, 1, 2, 3], channels=8)
FCN = dict(type='mmseg.FCNHead', in_channels=8, channels=8, num_convs=1, norm_cfg=BN)
OHEM = dict(type='OHEMPixelSampler', thresh=0.7, min_kept=50)
DICE = dict(type='DiceLoss', loss_weight=0.5)
SIGMOID = dict(type='CrossEntropyLoss', use_sigmoid=True)
WEIGHTED = dict(type='CrossEntropyLoss', class_weight=[1.0, 2.0, 0.5, 1.0, 3.0], loss_weight=0.4)

# head, auxiliary heads, how many of them need no logits at full size
CASES = {
    'FCN': (FCN, None, 1),
    'UPer with an auxiliary head': (dict(LEVELS, type='mmseg.UPerHead', pool_scales=(1, 2), norm_cfg=BN), FCN, 2),
    'SegFormer with two': (dict(LEVELS, type='mmseg.SegformerHead', norm_cfg=BN), [FCN, dict(FCN, in_index=1)], 3),
    'class weights': (dict(FCN, loss_decode=WEIGHTED), None, 1),
    'sampler': (dict(FCN, sampler=OHEM), None, 1),
    'another loss': (dict(FCN, loss_decode=[DICE, WEIGHTED]), FCN, 2),
    'sigmoid': (dict(FCN, loss_decode=SIGMOID), None, 1),
    'one output': (dict(FCN, out_channels=1, threshold=0.5, num_classes=2, loss_decode=SIGMOID), None, 1),
    'a loss of its own': (dict(LEVELS, type='mmseg.EncHead', norm_cfg=BN, num_codes=4), None, 0),
}


def build(scope: str, head: dict, auxiliary: dict | list | None):
    def with_classes(one):
        return {'num_classes': 5, 'dropout_ratio': 0.0, **{key: v for key, v in one.items() if v is not None}}

    if isinstance(auxiliary, list):
        auxiliary = [with_classes(one) for one in auxiliary]
    elif auxiliary is not None:
        auxiliary = with_classes(auxiliary)
    torch.manual_seed(0)
    heads = dict(decode_head=with_classes(head), auxiliary_head=auxiliary)
    cfg = dict(type=f'{scope}.EncoderDecoder', backbone=HOST_VIT, test_cfg=dict(mode='whole'), **heads)
    return MODELS.build(ConfigDict(cfg)).train()


@pytest.mark.filterwarnings('ignore:``build_pixel_sampler`` would be deprecated:UserWarning')  # the host's own call
@pytest.mark.parametrize('case', CASES)
def test_equals_the_hosts(case, monkeypatch):
    head, auxiliary, expected_in_strips = CASES[case]
    calls = []
    real = head_loss._loss_in_strips
    monkeypatch.setattr(head_loss, '_loss_in_strips', lambda *args: calls.append(args) or real(*args))
    host, ours = (build(scope, head, auxiliary) for scope in ('mmseg', 'mmseg_vitseg'))
    ours.load_state_dict(host.state_dict())
    images = torch.randn(2, 3, 32, 40)
    classes = 2 if case == 'one output' else 5
    labels = torch.randint(0, classes, (2, 1, 32, 40))
    labels[0, 0, :9] = IGNORED
    meta = dict(img_shape=(32, 40), ori_shape=(32, 40))
    samples = [SegDataSample(gt_sem_seg=PixelData(data=label), metainfo=meta) for label in labels]
    results = []
    for model in (host, ours):
        losses = model(images, samples, mode='loss')
        model.parse_losses(losses)[0].backward()
        results.append((losses, {name: p.grad for name, p in model.named_parameters()}))
    (host_losses, host_gradients), (our_losses, our_gradients) = results
    assert list(our_losses) == list(host_losses)
    for name, value in host_losses.items():
        assert_close(our_losses[name].reshape(-1), value.reshape(-1), msg=lambda text, name=name: f'{name}: {text}')
    for name, gradient in host_gradients.items():
        assert_close(our_gradients[name], gradient, msg=lambda text, name=name: f'{name}: {text}')
    assert len(calls) == expected_in_strips
