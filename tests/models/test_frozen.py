"""Frozen backbones: the same features, nothing learned, nothing kept for a gradient."""

import copy

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.registry import MODELS
from vitseg_tests.weights import randomise

RATES = dict(drop_rate=0.3, attn_drop_rate=0.3, drop_path_rate=0.5)
VIT = dict(
    RATES, type='mmseg_vitseg.VisionTransformer', img_size=32, patch_size=8, embed_dims=16, num_layers=2, num_heads=2
)
BACKBONES = dict(
    vit=dict(VIT, input_norm='batch', final_norm=True, out_indices=(0, 1)),
    dino=dict(VIT, variant='dinov3_s', out_indices=(0, 1)),
    mit=dict(
        RATES,
        type='mmseg_vitseg.MixVisionTransformer',
        embed_dims=8,
        num_stages=2,
        num_layers=(1, 1),
        num_heads=(2, 2),
        patch_sizes=(3, 3),
        strides=(4, 2),
        sr_ratios=(2, 1),
        out_indices=(0, 1),
    ),
)
HEAD = dict(type='mmseg_vitseg.LinearHead', in_channels=[16, 16], in_index=[0, 1], num_classes=3)
every_backbone = pytest.mark.parametrize('name', BACKBONES)


def segmentor(name: str = 'vit', **backbone) -> nn.Module:
    settings = dict({**BACKBONES[name], **backbone}, frozen=True)
    return randomise(MODELS.build(dict(type='mmseg_vitseg.EncoderDecoder', backbone=settings, decode_head=HEAD)))


def batch() -> tuple[torch.Tensor, list[SegDataSample]]:
    labels = torch.randint(0, 3, (2, 1, 32, 32))
    return torch.randn(2, 3, 32, 32), [SegDataSample(gt_sem_seg=PixelData(data=label)) for label in labels]


def head_gradients(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: parameter.grad for name, parameter in model.decode_head.named_parameters()}


@every_backbone
@pytest.mark.parametrize('with_cp', [False, True])
def test_in_training_its_features_are_those_of_evaluation(name, with_cp):
    model = segmentor(name, with_cp=with_cp)
    images, _ = batch()
    kept = []
    expected = model.backbone.eval()(images)
    model.train()
    before = copy.deepcopy(model.backbone.state_dict())
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda x: x):
        found = model.backbone(images.requires_grad_())
    assert_close(found, expected, rtol=0, atol=0)
    assert not kept
    assert not any(x.requires_grad or x.is_inference() for x in found)
    assert not any(module.training for module in model.backbone.modules())
    assert not any(parameter.requires_grad for parameter in model.backbone.parameters())
    assert_close(model.backbone.state_dict(), before, rtol=0, atol=0)  # the input norm's statistics too
    assert model.decode_head.bn.training


@every_backbone
def test_built_frozen_before_anyone_asks_for_training(name):
    backbone = MODELS.build(dict(BACKBONES[name], frozen=True))
    assert not any(module.training for module in backbone.modules())


@every_backbone
def test_the_head_learns_as_on_features_alone(name):
    model = segmentor(name).train()
    other = copy.deepcopy(model)
    images, samples = batch()
    gradients = []
    for one, features in ((model, model.backbone(images)), (other, other.eval().backbone(images))):
        one.train()
        torch.manual_seed(0)  # dropout
        one.decode_head.loss(features, samples, {})['loss_ce'].backward()
        gradients.append(head_gradients(one))
    assert_close(*gradients)
    assert all(gradient.abs().max() > 1e-6 for gradient in gradients[0].values())


@pytest.mark.parametrize(
    'paramwise',
    [
        dict(),
        dict(paramwise_cfg=dict(norm_decay_mult=0.0)),
        dict(constructor='mmseg_vitseg.ViTLayerDecayConstructor', paramwise_cfg=dict(layer_decay_rate=0.5)),
    ],
    ids=['plain', 'paramwise', 'layer decay'],
)
def test_the_optimizer_keeps_and_moves_the_head_alone(paramwise):
    model = segmentor().train()
    before = copy.deepcopy(model.state_dict())
    options = dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.1, weight_decay=0.1), **paramwise)
    wrapper = build_optim_wrapper(model, options)
    images, samples = batch()
    wrapper.update_params(model.loss(images, samples)['decode.loss_ce'])
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {name for name in before if name.startswith('decode_head.')}
    assert set(wrapper.optimizer.state) == set(model.decode_head.parameters())


@pytest.mark.filterwarnings('ignore')  # torch's own, while it compiles
@pytest.mark.parametrize('name', ['dino', 'mit'])
def test_compiled_in_one_graph(name):
    model = segmentor(name).train()
    model.decode_head.dropout = None
    images, _ = batch()
    compiled = torch.compile(model._forward, backend='aot_eager', fullgraph=True)
    gradients = []
    for run in (model._forward, compiled):
        model.zero_grad()
        run(images).square().sum().backward()
        gradients.append(head_gradients(model))
    assert_close(*gradients, rtol=1e-4, atol=1e-4)


def test_weights_load_and_come_back():
    frozen = segmentor()
    plain = MODELS.build(BACKBONES['vit'])
    plain.load_state_dict(frozen.backbone.state_dict())
    frozen.backbone.load_state_dict(randomise(plain).state_dict())
    assert_close(frozen.backbone.state_dict(), plain.state_dict())
