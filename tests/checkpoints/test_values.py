"""Weights that are no numbers, or stand for others: refused by name, whichever way they come."""

import pytest
import torch
from mmengine.runner import load_checkpoint as host_load_checkpoint
from mmseg.registry import MODELS
from safetensors.torch import save_file

from mmseg_vitseg.checkpoints.load_from import read_all_checkpoints
from mmseg_vitseg.checkpoints.loading import (
    load_pretrained_backbone,
    load_pretrained_head,
    load_weights,
    load_whole_model,
)
from mmseg_vitseg.checkpoints.values import not_finite
from mmseg_vitseg.converting.convert import convert_file
from vitseg_tests.published import VIT

HEAD = dict(type='mmseg_vitseg.SETRUPHead', in_channels=24, channels=8, num_classes=3, norm_cfg=dict(type='BN'))
MODEL = dict(type='mmseg_vitseg.EncoderDecoder', backbone=VIT, decode_head=HEAD)
SPOILT = 'blocks.1.mlp.fc1.weight'
NORM = 'decode_head.up_convs.0.0.bn.running_var'


def spoil(state, name, value):
    state = {key: tensor.clone() for key, tensor in state.items()}
    state[name].view(-1)[0] = value
    return state


@pytest.mark.parametrize('value', [float('nan'), float('-inf')])
@pytest.mark.parametrize('half', [False, True])
def test_one_value_that_is_no_number(value, half, tmp_path):
    backbone = MODELS.build(VIT)
    state = spoil(backbone.state_dict(), SPOILT, value)
    torch.save({name: x.half() for name, x in state.items()} if half else state, tmp_path / 'x.pth')
    words = rf'x\.pth: NaN or infinity in 1 of 30 tensors: {SPOILT} \(1 of 2304 values\).* take an earlier checkpoint$'
    with pytest.raises(ValueError, match=words):
        load_pretrained_backbone(backbone, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match=words):
        convert_file(tmp_path / 'x.pth', tmp_path / 'y.pth')
    assert not (tmp_path / 'y.pth').exists()
    with pytest.raises(ValueError, match=f'the checkpoint: NaN or infinity in 1 of 30 tensors: {SPOILT}'):
        backbone.load_state_dict(state)


def test_a_large_half_is_a_number():
    """The sum of many is infinite in float16."""
    assert not_finite({'a': torch.full((2000,), 6e4, dtype=torch.float16)}) == []


def test_a_norm_of_the_head_and_what_starts_anew(tmp_path):
    model = MODELS.build(MODEL)
    torch.save(spoil(model.state_dict(), NORM, float('inf')), tmp_path / 'x.pth')
    words = rf"{NORM} \(1 of 8 values\).*or leave them out .*model\.from_scratch=\['decode_head\.up_convs\.0\.0\.bn'\]"
    with pytest.raises(ValueError, match=words):
        load_whole_model(model, tmp_path / 'x.pth')
    read_all_checkpoints()
    with pytest.raises(ValueError, match=NORM):  # the Runner's way
        host_load_checkpoint(model, str(tmp_path / 'x.pth'))
    anew = MODELS.build(dict(MODEL, from_scratch=['decode_head.up_convs.0.0.bn']))
    host_load_checkpoint(anew, str(tmp_path / 'x.pth'))
    assert not_finite(anew.state_dict()) == []
    assert torch.equal(anew.backbone.blocks[1].mlp.fc1.weight, model.backbone.blocks[1].mlp.fc1.weight)


def test_what_is_not_loaded_may_hold_anything(tmp_path):
    """The classifier of a pretraining, and a mask that is no parameter."""
    backbone = MODELS.build(VIT)
    torch.save({**backbone.state_dict(), 'head.weight': torch.full((3, 24), float('nan'))}, tmp_path / 'x.pth')
    load_pretrained_backbone(backbone, tmp_path / 'x.pth')
    masked = torch.nn.Linear(2, 2)
    masked.register_buffer('mask', torch.full((2, 2), float('-inf')))
    load_weights(masked, masked.state_dict(), 'x.pth')


def quantise(name, value):
    if name == 'qint8':
        return torch.quantize_per_tensor(value, 0.01, 0, torch.qint8)
    return value.to(getattr(torch, name))


@pytest.mark.filterwarnings('ignore:torch.quantize_per_tensor')
@pytest.mark.parametrize('name', ['qint8', 'int8', 'uint8', 'int32', 'float8_e4m3fn', 'float8_e5m2'])
@pytest.mark.parametrize('part', ['patch_embed.proj.weight', 'pos_embed'])
def test_quantised_weights(name, part, tmp_path):
    big = MODELS.build(dict(VIT, img_size=64))  # positions would be resized
    state = big.state_dict()
    state[part] = quantise(name, state[part])
    torch.save(state, tmp_path / 'x.pth')
    backbone = MODELS.build(VIT)
    before = {key: value.clone() for key, value in backbone.state_dict().items()}
    words = rf'quantised \({part} of {name}\).*load the file of floats'
    with pytest.raises(ValueError, match=words):
        load_pretrained_backbone(backbone, tmp_path / 'x.pth')
    assert all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())


@pytest.mark.parametrize('dtype', [torch.uint8, torch.int8, torch.uint16, torch.bool])
@pytest.mark.parametrize('whole', [True, False])
def test_bytes_of_the_model_itself(dtype, whole, tmp_path):
    """A table that a head has as a buffer is no quantised weight."""
    saved, model = MODELS.build(MODEL), MODELS.build(MODEL)
    saved.decode_head.register_buffer('table', torch.tensor([1, 0, 1]).to(dtype))
    model.decode_head.register_buffer('table', torch.zeros(3, dtype=dtype))
    torch.save({'state_dict': saved.state_dict()}, tmp_path / 'x.pth')
    if whole:
        load_whole_model(model, tmp_path / 'x.pth')
    else:
        load_pretrained_head(model.decode_head, tmp_path / 'x.pth')
    assert model.decode_head.table.dtype == dtype
    assert model.decode_head.table.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    'name', ['attn.qkv.SCB', 'attn.qkv.qweight', 'attn.qkv.weight.absmax', 'attn.qkv.weight_scale']
)
def test_names_of_quantised_weights(name, tmp_path):
    """Of bitsandbytes, GPTQ, AWQ and others, where the weight itself is gone or packed."""
    state = {**MODELS.build(VIT).state_dict(), f'blocks.0.{name}': torch.ones(24)}
    del state['blocks.0.attn.qkv.weight']
    save_file(state, tmp_path / 'x.safetensors')
    with pytest.raises(ValueError, match=rf'quantised \(blocks\.0\.{name} of float32\)'):
        convert_file(tmp_path / 'x.safetensors', tmp_path / 'y.pth')


@pytest.mark.parametrize('name', ['float64', 'float16', 'bfloat16'])
def test_other_floats_become_the_model_s(name, tmp_path):
    backbone, fresh = MODELS.build(VIT), MODELS.build(VIT)
    torch.save(
        {key: value.to(getattr(torch, name)) for key, value in backbone.state_dict().items()}, tmp_path / 'x.pth'
    )
    load_pretrained_backbone(fresh, tmp_path / 'x.pth')
    expected = backbone.state_dict()[SPOILT].to(getattr(torch, name)).float()
    assert torch.equal(fresh.state_dict()[SPOILT], expected)
