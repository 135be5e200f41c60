"""The host's twin of our configs: every weight has its place; what has no twin is said. And the models of the suite."""

from functools import partial
from pathlib import Path

import pytest
import torch

from mmseg_vitseg.benchmark.building import build_model, model_config
from mmseg_vitseg.benchmark.suite import CASES, HOST_DECODER
from mmseg_vitseg.benchmark.twins import host_twin, huggingface_twin
from mmseg_vitseg.checkpoints.strict import account

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
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
    cfg, notes = model_config(CONFIGS / f'{name}.py', options), []
    ours, twin = on_meta(cfg), on_meta(host_twin(cfg, notes))
    assert not notes
    assert type(twin.backbone).__module__.startswith('mmseg.')
    assert type(twin.decode_head).__module__.startswith('mmseg.')
    account(twin.state_dict(), ours, 'the host')
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
        host_twin(model_config(CONFIGS / f'{name}.py'), [])


def test_hugging_face_has_segformers_only(on_meta):
    pytest.importorskip('transformers', reason='no transformers to compare with')
    for case in CASES:
        model = on_meta(model_config(CONFIGS / f'{case.config}.py', case.options))
        if case.against == 'hf':
            with torch.device('meta'):
                twin = huggingface_twin(model, notes := [])
            assert not notes
            assert sum(p.numel() for p in twin.parameters()) == sum(p.numel() for p in model.parameters())
        elif 'setr' in case.config:
            with pytest.raises(ValueError, match='only as MixVisionTransformer'):
                huggingface_twin(model, [])


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.name)
def test_the_suites_models(case, on_meta):
    model = on_meta(model_config(CONFIGS / f'{case.config}.py', case.options))
    heads = [model.decode_head, *(model.auxiliary_head if model.with_auxiliary_head else [])]
    assert {head.num_classes for head in heads} == {int(case.name.split(', ')[1].split()[0])}
    assert model.test_cfg.mode == ('slide' if 'windows' in case.name else 'whole')
    if 'ViT' in case.name:
        assert model.backbone.embed_dims == (768 if 'ViT-B' in case.name else 384)
        assert tuple(16 * side for side in model.backbone.grid) == case.shape
