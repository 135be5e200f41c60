"""A checkpoint of other classes: the message names the layers to train anew, and with these the training starts."""

import ast
import re

import pytest
import torch
from mmseg.registry import MODELS

from mmseg_vitseg.checkpoints.loading import load_weights
from vitseg_tests import published

BN = dict(type='BN')
VIT = dict(published.VIT, out_indices=(0, 1))
LAST = dict(in_channels=24, in_index=1, channels=8)
FCN = dict(LAST, type='mmseg.FCNHead', norm_cfg=BN, num_convs=1)
MIT = dict(type='mmseg_vitseg.MixVisionTransformer', embed_dims=8, num_layers=[1] * 4)
LEVELS = dict(in_channels=[8, 16, 40, 64], in_index=[0, 1, 2, 3], channels=8, norm_cfg=BN)
HEADS = {
    'linear': (VIT, dict(published.LINEAR_HEAD, in_index=1), 'projection'),
    'setr': (VIT, dict(LAST, type='mmseg_vitseg.SETRUPHead', norm_cfg=BN), 'conv_seg'),
    'segformer': (dict(MIT, num_heads=[1, 2, 5, 8]), dict(LEVELS, type='mmseg_vitseg.SegformerHead'), 'conv_seg'),
    'fcn': (VIT, FCN, 'conv_seg'),
}


def segmentor(head, classes, auxiliary=0, **more):
    backbone, settings, _ = HEADS[head]
    auxiliaries = [dict(FCN, num_classes=classes, in_channels=8 if head == 'segformer' else 24, in_index=0)] * auxiliary
    parts = dict(backbone=backbone, decode_head=dict(settings, num_classes=classes), auxiliary_head=auxiliaries or None)
    return MODELS.build(dict(type='mmseg_vitseg.EncoderDecoder', **parts, **more))


@pytest.mark.parametrize('classes', [3, 7, 150])
@pytest.mark.parametrize('auxiliary', [0, 2])
@pytest.mark.parametrize('head', HEADS)
def test_exactly_the_classifiers_are_named(head, auxiliary, classes):
    state, model = segmentor(head, classes, auxiliary).state_dict(), segmentor(head, 4, auxiliary)
    with pytest.raises(ValueError, match=rf'This file has {classes} classes, your config 4: use the config') as info:
        load_weights(model, state, 'x.pth')
    named = ast.literal_eval(re.search(r'from_scratch=(\[.*?\])', str(info.value))[1])
    assert named == [f'decode_head.{HEADS[head][2]}', *(f'auxiliary_head.{i}.conv_seg' for i in range(auxiliary))]
    again = segmentor(head, 4, auxiliary, from_scratch=named)
    again.load_state_dict(state)
    for name, value in again.state_dict().items():
        assert name.startswith(tuple(named)) or torch.equal(value, state[name])


@pytest.mark.parametrize('change', [dict(channels=16), dict(num_convs=2)])
def test_another_mismatch_keeps_its_words(change):
    state = segmentor('fcn', 4).state_dict()
    other = MODELS.build(
        dict(type='mmseg_vitseg.EncoderDecoder', backbone=VIT, decode_head=dict(FCN, num_classes=5, **change))
    )
    with pytest.raises(ValueError, match='Use the config that the checkpoint was trained with'):
        load_weights(other, state, 'x.pth')


def test_positions_of_another_size_do_not_matter():
    state = segmentor('linear', 150).state_dict()
    state['backbone.pos_embed'] = torch.zeros(1, 65, 24)
    with pytest.raises(ValueError, match=r"150 classes, your config 4: .*from_scratch=\['decode_head\.projection'\]"):
        load_weights(segmentor('linear', 4), state, 'x.pth')
