"""The host's own configs, in our types: each builds, and predicts what it predicted. Built models likewise, and training."""

import copy
import warnings

import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn
from torch.testing import assert_close

import mmseg_vitseg
from mmseg_vitseg.benchmark.differences import compare_configs
from mmseg_vitseg.config.devices import fit_to_devices
from mmseg_vitseg.config.reading import ConfigError
from mmseg_vitseg.upgrading.rewriting import upgrade_config
from vitseg_tests.host_configs import PUBLISHED, narrow, without_pretrained
from vitseg_tests.weights import randomise

FAMILIES = ('setr', 'vit', 'segmenter', 'segformer', 'mae')
CONFIGS = sorted(path for family in FAMILIES for path in (PUBLISHED / family).glob('*.py'))
OURS = 'mmseg_vitseg.'

# What of each family is ours afterwards. UPerHead, FCNHead, Segmenter's head and MAE's backbone have no counterpart here.
UPGRADED = dict(
    setr={'EncoderDecoder', 'VisionTransformer', 'SETRUPHead', 'SETRMLAHead', 'MLANeck'},
    vit={'EncoderDecoder', 'VisionTransformer'},
    segmenter={'EncoderDecoder', 'VisionTransformer'},
    segformer={'EncoderDecoder', 'MixVisionTransformer', 'SegformerHead'},
    mae={'EncoderDecoder'},
)


def shrunk(path) -> Config:
    cfg = Config.fromfile(path)
    cfg.model = narrow(cfg.model)
    without_pretrained(cfg.model)
    return cfg


def types(node) -> set[str]:
    if isinstance(node, dict):
        own = {node['type']} if isinstance(node.get('type'), str) else set()
        return own.union(*(types(value) for value in node.values()))
    return set().union(*map(types, node)) if isinstance(node, (list, tuple)) else set()


def build(cfg: Config) -> nn.Module:
    cfg = copy.deepcopy(cfg)
    cfg.launcher = 'none'
    fit_to_devices(cfg)
    return randomise(MODELS.build(cfg.model))


def test_there_are_configs():
    assert len(CONFIGS) > 35
    assert {path.parent.name for path in CONFIGS} == set(FAMILIES)


@pytest.mark.slow
@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_every_config_of_the_hosts_is_upgraded_and_agrees(path, tmp_path):
    cfg = shrunk(path)
    before = cfg.to_dict()
    new, said = upgrade_config(cfg)
    assert cfg.to_dict() == before
    ours = {name.removeprefix(OURS) for name in types(new.model) if name.startswith(OURS)}
    assert ours <= UPGRADED[path.parent.name]
    assert ours == types(cfg.model) & UPGRADED[path.parent.name], said
    assert not [line for line in said if ' stays: ' in line]
    assert new.to_dict() == {**before, 'model': new.to_dict()['model']}
    cfg.dump(tmp_path / 'host.py')
    new.dump(tmp_path / 'ours.py')
    result = compare_configs(str(tmp_path / 'ours.py'), str(tmp_path / 'host.py'), (64, 64))
    assert result.equal, result
    assert result.max_abs_diff < 1e-5
    assert result.labels_agree == 1


def test_what_changed_is_said():
    _, said = upgrade_config(shrunk(next(path for path in CONFIGS if 'vit_vit-b16-ln' in path.name)))
    text = '\n'.join(said)
    for words in (
        'model.backbone: VisionTransformer -> mmseg_vitseg.VisionTransformer: ',
        'model.backbone.patch_bias: ',
        'model: EncoderDecoder -> mmseg_vitseg.EncoderDecoder: ',
        "custom_keys['norm']: named 0 parameters of the old backbone",
    ):
        assert words in text


def test_a_part_with_what_we_do_not_support_stays_and_is_said():
    cfg = shrunk(CONFIGS[-1])
    cfg.model.backbone.out_origin = True
    new, said = upgrade_config(cfg)
    assert new.model.backbone == cfg.model.backbone
    assert new.model.type == 'mmseg_vitseg.EncoderDecoder'
    assert any(line.startswith('model.backbone: VisionTransformer stays: ') and 'out_origin' in line for line in said)


def test_nothing_to_upgrade_is_an_error():
    cfg = Config(dict(model=dict(type='CascadeEncoderDecoder', backbone=dict(type='ResNet', depth=18))))
    with pytest.raises(ConfigError, match='has nothing for which'):
        upgrade_config(cfg)
    with pytest.raises(ConfigError, match='has no model'):
        upgrade_config(Config(dict(data_root='x')))


def first_of(family: str, word: str = ''):
    return next(path for path in CONFIGS if path.parent.name == family and word in path.name)


BUILT = [
    ('setr', 'naive'),
    ('setr', 'pup'),
    ('setr', 'mla'),
    ('segformer', 'b0'),
    ('vit', 'deit-s16-ln'),
    ('segmenter', 'mask'),
]


@pytest.mark.parametrize(('family', 'word'), BUILT)
def test_a_built_model_is_upgraded_with_its_weights(family, word):
    cfg = shrunk(first_of(family, word))
    host = build(cfg).eval()
    host.backbone.layers[0].requires_grad_(False)
    before = {name: value.clone() for name, value in host.state_dict().items()}
    ours = mmseg_vitseg.upgrade(host)
    assert {
        f'{type(part).__name__}' for part in ours.modules() if type(part).__module__.startswith('mmseg_vitseg.')
    } >= (types(cfg.model) & UPGRADED[family])
    assert not ours.training
    frozen = [sum(p.numel() for p in model.parameters() if not p.requires_grad) for model in (host, ours)]
    assert frozen[0] == frozen[1] > 0
    total = [sum(p.numel() for p in model.parameters()) for model in (host, ours)]
    unused = host.backbone.cls_token.numel() * 2 if word == 'mla' else 0  # a class token and its position
    assert total[0] - total[1] == unused
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        assert_close(ours(image), host(image), atol=1e-4, rtol=1e-4)  # logits of thousands of random products
    assert_close(before, dict(host.state_dict()))


def test_a_vit_that_the_host_freezes_is_frozen():
    """As the host has it: no gradient, and dropout goes on."""
    cfg = shrunk(first_of('setr', 'naive'))
    cfg.model.backbone.update(frozen_exclude=[], drop_rate=0.1)
    host = build(cfg).train()
    for ours in (build(upgrade_config(cfg)[0]).train(), mmseg_vitseg.upgrade(host)):
        assert type(ours.backbone).__module__ == 'mmseg_vitseg.models.vit'
        assert not any(value.requires_grad for model in (host, ours) for value in model.backbone.parameters())
        assert all(part.training for part in ours.backbone.modules())
        assert all(value.requires_grad for value in ours.decode_head.parameters())


@pytest.mark.parametrize(('family', 'word'), BUILT[:4])
def test_a_built_model_trains_on_as_it_was(family, word):
    cfg = shrunk(first_of(family, word))
    cfg.model.backbone.update(drop_rate=0.0, drop_path_rate=0.0)
    for head in [cfg.model.decode_head, *(cfg.model.get('auxiliary_head') or [])]:
        head.dropout_ratio = 0.0
    host = build(cfg).double()
    ours = mmseg_vitseg.upgrade(host)
    image = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    samples = [SegDataSample(gt_sem_seg=PixelData(data=torch.randint(0, 19, (1, 64, 64)))) for _ in image]
    expected, losses = host(image, samples, mode='loss'), ours(image, samples, mode='loss')
    assert losses.keys() == expected.keys()
    assert_close(losses, expected, check_dtype=False, rtol=1e-6, atol=1e-6)


def test_settings_of_a_built_model_are_read():
    arguments = dict(
        img_size=(32, 64), patch_size=8, in_channels=4, embed_dims=24, num_layers=3, num_heads=3, mlp_ratio=2
    )
    arguments |= dict(out_indices=[0, 2], qkv_bias=False, drop_rate=0.1, attn_drop_rate=0.2, drop_path_rate=0.3)
    arguments |= dict(norm_cfg=dict(type='LN', eps=1e-3), act_cfg=dict(type='ReLU'), patch_bias=True, final_norm=True)
    arguments |= dict(interpolate_mode='bilinear', with_cp=True, norm_eval=True)
    host = randomise(MODELS.build(dict(type='VisionTransformer', **arguments)))
    read, given = mmseg_vitseg.upgrade(host), MODELS.build(dict(type='mmseg_vitseg.VisionTransformer', **arguments))
    assert repr(read) == repr(given)
    for name in ('grid', 'out_indices', 'interpolate_mode', 'with_cp', 'norm_eval'):
        assert getattr(read, name) == getattr(given, name)
    assert read.blocks[0].attn.attn_drop_rate == 0.2
    image = torch.randn(1, 4, 40, 64)
    host.eval()  # returns None
    with torch.no_grad():
        assert_close(read.eval()(image), tuple(host(image)))


def test_settings_of_a_built_mit_are_read():
    arguments = dict(in_channels=4, embed_dims=8, num_stages=3, num_layers=[1, 2, 1], num_heads=[1, 2, 3], mlp_ratio=2)
    arguments |= dict(patch_sizes=[7, 3, 5], strides=[4, 2, 1], sr_ratios=[4, 2, 1], out_indices=(0, 2), qkv_bias=False)
    arguments |= dict(drop_rate=0.1, attn_drop_rate=0.2, drop_path_rate=0.3, act_cfg=dict(type='ReLU'), with_cp=True)
    arguments |= dict(norm_cfg=dict(type='LN', eps=1e-3))
    host = randomise(MODELS.build(dict(type='MixVisionTransformer', **arguments)))
    read, given = mmseg_vitseg.upgrade(host), MODELS.build(dict(type='mmseg_vitseg.MixVisionTransformer', **arguments))
    assert repr(read) == repr(given)
    assert read.out_indices == given.out_indices
    assert [stage.with_cp for stage in read.stages] == [True] * 3
    assert read.stages[0].blocks[0].attn.attn_drop_rate == 0.2


def test_a_part_that_stays_is_the_given_models_own():
    cfg = shrunk(first_of('segmenter', 'mask'))
    host = build(cfg)
    ours = mmseg_vitseg.upgrade(host)
    assert ours.decode_head is host.decode_head
    assert ours.backbone is not host.backbone


def test_what_has_no_counterpart_is_an_error():
    with pytest.raises(ValueError, match='Linear has no counterpart here'):
        mmseg_vitseg.upgrade(nn.Linear(1, 1))
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        host = MODELS.build(dict(type='VisionTransformer', embed_dims=16, num_heads=2, num_layers=1, pre_norm=True))
    with pytest.raises(ValueError, match='pre_norm'):
        mmseg_vitseg.upgrade(host)


@pytest.mark.parametrize('wrong', [dict(in_channels=3), dict(nothing=1)])
def test_an_old_model_that_fails_itself_is_not_called_ours(wrong, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = shrunk(first_of('setr', 'naive'))
    cfg.model.decode_head.update(wrong)
    cfg.dump('old.py')
    result = call('upgrade_config old.py new.py --shape 64 64')
    assert result.status == 2
    assert 'new.py: written, but not compared: the old one fails too, on a picture of 64 x 64: ' in result.err
    assert Config.fromfile('new.py').model.type == 'mmseg_vitseg.EncoderDecoder'


@pytest.mark.parametrize('pattern', ['danet/danet_r50*ade20k*', 'segnext/segnext_mscan-t*'])
def test_a_model_that_keeps_its_head_is_compared(pattern, call, tmp_path, monkeypatch):
    """DANet has parameters of one number; SegNeXt's head draws bases in float32 at each prediction."""
    monkeypatch.chdir(tmp_path)
    shrunk(min(PUBLISHED.glob(pattern))).dump('old.py')
    result = call('upgrade_config old.py new.py --shape 64 64')
    assert (result.status, result.err) == (0, '')
    assert 'Same random weights' in result.out
