"""Merged groups of parameters: the host's settings of each, and the host's training to the same bits."""

import copy

import pytest
import torch
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.optim.scheduler import LinearLR, PolyLR
from mmseg.registry import MODELS
from torch import nn

from vitseg_tests.equality import same

OURS = 'mmseg_vitseg.DefaultOptimWrapperConstructor'
HEADS = dict(custom_keys=dict(head=dict(lr_mult=10.0), norm=dict(decay_mult=0.0)))
RULES = dict(norm_decay_mult=0.0, bias_lr_mult=2.0, bias_decay_mult=0.5, dwconv_decay_mult=0.1)
SEGFORMER = dict(
    type='mmseg.EncoderDecoder',
    backbone=dict(type='mmseg_vitseg.MixVisionTransformer', embed_dims=8, num_layers=[1, 1, 1, 1]),
    decode_head=dict(
        type='mmseg_vitseg.SegformerHead', in_channels=[8, 16, 40, 64], channels=8, num_classes=3, in_index=[0, 1, 2, 3]
    ),
)


@pytest.fixture(scope='module')
def model() -> nn.Module:
    torch.manual_seed(0)
    return MODELS.build(SEGFORMER)


def wrapper_of(model: nn.Module, constructor: str | None, paramwise: dict, **optimizer) -> OptimWrapper:
    named = dict(constructor=constructor) if constructor else {}
    kind = dict(type='AdamW', lr=0.01, weight_decay=0.1, **optimizer)
    return build_optim_wrapper(model, dict(type='OptimWrapper', optimizer=kind, paramwise_cfg=dict(paramwise), **named))


def settings_of(wrapper: OptimWrapper) -> dict[int, dict]:
    """Return the settings of each parameter."""
    return {
        id(one): {name: value for name, value in group.items() if name != 'params'}
        for group in wrapper.optimizer.param_groups
        for one in group['params']
    }


@pytest.mark.parametrize('paramwise, count', [(HEADS, 3), (RULES, 4), (dict(RULES, bypass_duplicate=True), 4), ({}, 1)])
def test_settings_of_each_parameter_are_the_hosts(model, paramwise, count):
    host, ours = (wrapper_of(model, constructor, paramwise) for constructor in (None, OURS))
    assert settings_of(ours) == settings_of(host)
    assert len(ours.optimizer.param_groups) == count
    numbers = [len(group['params']) for group in ours.optimizer.param_groups]
    assert sum(numbers) == len(list(model.parameters()))


def test_frozen_parameters_are_left_out_as_the_host_does(model):
    frozen = copy.deepcopy(model)
    frozen.backbone.requires_grad_(False)
    host, ours = (wrapper_of(frozen, constructor, HEADS) for constructor in (None, OURS))
    assert settings_of(ours) == settings_of(host) != {}


@pytest.mark.parametrize('foreach', [False, True])
def test_training_is_the_hosts_to_the_bit(model, foreach):
    trained, logged = [], []
    for constructor in (None, OURS):
        one = copy.deepcopy(model)
        wrapper = wrapper_of(one, constructor, HEADS, foreach=foreach)
        schedulers = [LinearLR(wrapper, 0.1, by_epoch=False, end=2), PolyLR(wrapper, begin=2, end=5, by_epoch=False)]
        draw = torch.Generator().manual_seed(1)
        for _ in range(4):
            for parameter in one.parameters():
                parameter.grad = torch.randn(parameter.shape, generator=draw)
            wrapper.step()
            for scheduler in schedulers:
                scheduler.step()
        trained.append(one.state_dict())
        logged.append([rates[0] for rates in wrapper.get_lr().values()])
    assert same(*map(dict, trained)) and logged[0] == logged[1]
