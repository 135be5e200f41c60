"""The host's twin of our configs: every weight has its place; what has no twin is said. And the models of the suite."""

from functools import partial

import pytest
import torch

from mmseg_vitseg.benchmark.host_twin import host_twin
from mmseg_vitseg.benchmark.huggingface_twin import huggingface_twin
from mmseg_vitseg.benchmark.random_weights import untrained_config
from mmseg_vitseg.benchmark.suite import CASES, HOST_DECODER
from mmseg_vitseg.checkpoints.accounting import account_for
from mmseg_vitseg.config.building import build_model
from vitseg_tests.paths import ROOT

CONFIGS = ROOT / 'configs'
WEIGHTED = dict(type='CrossEntropyLoss', loss_weight=2.0)
ROWS = [
    *((f'setr_{decoder}_{data}', {}) for decoder in ('naive', 'pup', 'mla') for data in ('ade20k', 'base_cityscapes')),
    *((f'segformer_b{size}_ade20k', HOST_DECODER) for size in range(6)),
    ('vit_segformer_ade20k', HOST_DECODER),
    *((case.config, case.options) for case in CASES if case.against == 'stock'),
]


@pytest.fixture
def on_meta(monkeypatch):
    monkeypatch.setattr(torch, 'linspace', partial(torch.linspace, device='cpu'))  # the host reads its values

    def build(cfg):
        with torch.device('meta'):
            return build_model(cfg)

    return build


@pytest.mark.parametrize(('name', 'options'), ROWS)
def test_every_weight_of_the_twin_has_its_place(name, options, on_meta):
    cfg, notes = untrained_config(CONFIGS / f'{name}.py', options), []
    ours = on_meta(cfg)
    cfg.model = host_twin(cfg.model, notes)
    twin = on_meta(cfg)
    assert not notes
    assert type(twin.backbone).__module__.startswith('mmseg.')
    assert type(twin.decode_head).__module__.startswith('mmseg.')
    account_for(ours, twin.state_dict(), 'the host')
    assert sum(p.numel() for p in ours.parameters()) == pytest.approx(
        sum(p.numel() for p in twin.parameters()), rel=1e-4
    )


@pytest.mark.parametrize(
    ('name', 'why'),
    [
        ('vit_linear_pet', 'input_norm'),
        ('setr_pup_pet', 'layer_scale'),
        ('quickstart', 'the host has no|has no'),
    ],
)
def test_what_the_host_does_not_have_is_an_error(name, why):
    with pytest.raises(ValueError, match=why):
        host_twin(untrained_config(CONFIGS / f'{name}.py').model, [])


@pytest.mark.parametrize(('name', 'value'), [('final_norm', 'each'), ('qkv_bias', 'qv'), ('position', 'rope')])
def test_values_that_the_host_would_misread(name, value):
    backbone = {'type': 'mmseg_vitseg.VisionTransformer', 'variant': 'small', name: value}
    with pytest.raises(ValueError, match=f"has no {name}='{value}'"):
        host_twin(backbone, [])


def test_hugging_faces_segformers(on_meta):
    pytest.importorskip('transformers', reason='no transformers to compare with')
    for case in CASES:
        model = on_meta(untrained_config(CONFIGS / f'{case.config}.py', case.options))
        if case.against == 'hf':
            with torch.device('meta'):
                twin = huggingface_twin(model, 3)
            assert not twin.notes
            assert sum(p.numel() for p in twin.model.parameters()) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ({'model.backbone.with_cls_token': False}, 'with_cls_token'),
        ({'model.backbone.num_registers': 2, 'model.backbone.frozen_stages': 1}, 'num_registers, frozen_stages'),
        ({'model.backbone.layer_scale': 1.0, 'model.backbone.num_registers': 2}, 'antialias'),  # is a DINOv2 without it
        (
            {'model.decode_head': dict(_delete_=True, type='mmseg.FCNHead', in_channels=16, channels=4, num_classes=3)},
            None,
        ),
    ],
)
def test_what_hugging_face_does_not_have_is_an_error(tiny, options, words):
    pytest.importorskip('transformers', reason='no transformers to compare with')
    model = build_model(untrained_config(tiny['linear'], options))
    if words is None:
        assert huggingface_twin(model, 3).model is model
    else:
        with pytest.raises(ValueError, match=words):
            huggingface_twin(model, 3)


@pytest.mark.parametrize(
    ('variant', 'options', 'words'),
    [
        ('dinov2_s', {'model.backbone.img_size': (64, 32)}, 'Dinov2 .* img_size'),
        ('dinov2_s', {'model.backbone.drop_rate': 0.1}, 'drop_rate'),
        ('dinov2_g', {'model.backbone.mlp_ratio': 2.5}, 'mlp_ratio'),
        ('dinov3_s', {'model.backbone.layer_scale': False}, 'DINOv3ViT .* layer_scale'),
        ('dinov3_s', {'model.test_cfg.mode': 'slide'}, '--cfg-options model.test_cfg.mode=whole'),
        (
            'dinov3_s',
            {'model.decode_head.align_corners': True, 'model.decode_head.loss_decode': WEIGHTED},
            'loss_decode, align',
        ),
    ],
)
def test_what_hugging_faces_probe_does_not_have_is_an_error(tiny, variant, options, words):
    pytest.importorskip('transformers', reason='no transformers to compare with')
    with pytest.raises(ValueError, match=words):
        huggingface_twin(build_model(untrained_config(tiny[f'probe {variant}'], options)), 3)


@pytest.mark.parametrize(
    ('variant', 'options', 'words'),
    [
        ('dinov2_s_reg', {'model.backbone.img_size': (64, 32)}, 'img_size'),
        ('dinov2_s_reg', {'model.backbone.layer_scale': 0.0, 'model.backbone.with_cls_token': False}, 'with_cls_token'),
        ('dinov3_s_plus', {}, 'variant'),
    ],
)
def test_what_hugging_faces_eomt_does_not_have_is_an_error(tiny, variant, options, words):
    pytest.importorskip('transformers', reason='no transformers to compare with')
    with pytest.raises(ValueError, match=words):
        huggingface_twin(build_model(untrained_config(tiny[f'eomt {variant}'], options)), 3)


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.name)
def test_the_suites_models(case, on_meta):
    model = on_meta(untrained_config(CONFIGS / f'{case.config}.py', case.options))
    heads = [model.decode_head, *(model.auxiliary_head if model.with_auxiliary_head else [])]
    assert {head.num_classes for head in heads} == {int(case.name.split(', ')[1].split()[0])}
    assert model.test_cfg.mode == ('slide' if 'windows' in case.name else 'whole')
    if 'ViT' in case.name:
        assert model.backbone.embed_dims == (768 if 'ViT-B' in case.name else 384)
        assert tuple(16 * side for side in model.backbone.grid) == case.shape
