"""Equality is found where it is, and a difference where one is."""

import pytest
import torch

from mmseg_vitseg.benchmark.differences import compare_configs, compare_outputs, compare_to_float32, compare_variants
from mmseg_vitseg.benchmark.steps import Step
from mmseg_vitseg.benchmark.variants import Settings, Variant

HOST_FORM = {'model.decode_head.linear_projection': False}


def steps(config: str, kind: str, options: dict | None = None, **settings) -> list[Step]:
    settings = Settings(**{'shape': (48, 64), 'batch_size': 2, **settings})
    variants = Variant('ours', config, options=options or {}), Variant(kind, config, kind, options or {})
    return [Step(variant.build(), settings) for variant in variants]


@pytest.mark.parametrize('mode', ['forward', 'predict', 'train'])
@pytest.mark.parametrize(('name', 'options'), [('setr', {}), ('segformer', HOST_FORM)])
def test_equals_the_hosts_twin(tiny, name, options, mode):
    result = compare_variants(*steps(tiny[name], 'stock', options, mode=mode))
    assert result.equal, result
    assert result.labels_agree == (None if mode == 'train' else 1)


@pytest.mark.parametrize('mode', ['forward', 'predict', 'train'])
def test_equals_hugging_faces_twin(tiny, mode):
    pytest.importorskip('transformers', reason='no transformers to compare with')
    for config, options in (('segformer', {}), ('setr', {'model.backbone.drop_path_rate': 0.0})):
        result = compare_variants(*steps(tiny[config], 'hf', options, mode=mode))
        assert result.equal, (config, result)


LEVELS = {
    'model.backbone.out_indices': (0, 2),
    'model.decode_head.in_channels': [48, 48],
    'model.decode_head.in_index': [1, 0],
}
PATCHES = dict(_delete_=True, type='mmseg_vitseg.LinearPatchHead', in_channels=48, num_classes=5)


@pytest.mark.parametrize(
    ('variant', 'options'),
    [
        ('dinov2_s', {}),
        ('dinov2_s', LEVELS),
        ('dinov2_s', {'model.decode_head': PATCHES}),
        ('dinov2_g', {}),
        ('dinov2_s_reg', LEVELS),
        ('dinov2_g_reg', {}),
        ('dinov3_s', {}),
        ('dinov3_s', LEVELS),
        ('dinov3_s', {'model.backbone.rope_rescale': 1.0}),
        ('dinov3_s', {'model.backbone.frozen': True}),
        ('dinov3_s', {'model.decode_head': PATCHES}),
        ('dinov3_s_plus', {}),
        ('dinov3_7b', {}),
        ('small', {}),
        ('small', {'model.backbone.final_norm': 'each', **LEVELS}),
    ],
)
def test_equals_hugging_faces_probe(tiny, variant, options):
    """Of pictures of whole patches and of others; the mask token aside, in as many parameters."""
    pytest.importorskip('transformers', reason='no transformers to compare with')
    for mode, shape in (('forward', (48, 64)), ('predict', (40, 56)), ('train', (48, 64))):
        ours, other = steps(tiny[f'probe {variant}'], 'hf', options, mode=mode, shape=shape)
        result = compare_variants(ours, other)
        assert result.equal, (mode, result)
        assert result.labels_agree == (None if mode == 'train' else 1)
    count, theirs = (
        sum(value.numel() for value in step.segmentor.model.parameters() if value.requires_grad)
        for step in (ours, other)
    )
    assert theirs - count == (0 if variant == 'small' or 'model.backbone.frozen' in options else 48)


def test_hugging_faces_frozen_backbone_is_not_trained(tiny):
    pytest.importorskip('transformers', reason='no transformers to compare with')
    _, other = steps(tiny['probe dinov3_s'], 'hf', {'model.backbone.frozen': True}, mode='train')
    before = {name: value.clone() for name, value in other.segmentor.model.state_dict().items()}
    other()
    changed = {name for name, value in other.segmentor.model.state_dict().items() if not value.equal(before[name])}
    assert {name.split('.')[0] for name in changed} == {'decode_head'}
    assert not other.segmentor.backbone.training


@pytest.mark.parametrize('variant', ['dinov2_s_reg', 'dinov3_s'])
def test_equals_hugging_faces_eomt(tiny, variant):
    pytest.importorskip('transformers', reason='no transformers to compare with')
    for mode in ('forward', 'predict'):
        result = compare_variants(*steps(tiny[f'eomt {variant}'], 'hf', mode=mode, shape=(64, 64)))
        assert result.equal, (mode, result)
        assert result.labels_agree == 1
    ours, other = steps(tiny[f'eomt {variant}'], 'hf', mode='train', shape=(64, 64))
    assert 'points that each draws' in compare_variants(ours, other).note
    assert (ours() > 0) == (other() > 0)  # their losses are near each other's, not equal
    torch.testing.assert_close(ours.without_update(), other.without_update(), rtol=0.1, atol=0)
    for mode in ('forward', 'train'):
        with pytest.raises(ValueError, match='takes pictures of 64x64 alone: --shape 64 64'):
            steps(tiny[f'eomt {variant}'], 'hf', mode=mode, shape=(32, 64))[1]()


def test_two_frozen_backbones_are_compared(tiny):
    """In training too, where no gradient reaches the images."""
    ours, other = steps(tiny['setr'], 'ours', {'model.backbone.frozen': True}, mode='train')
    assert compare_variants(ours, other).equal


@pytest.mark.parametrize('mode', ['forward', 'predict', 'train'])
def test_a_perturbed_weight_shows_and_grows(tiny, mode):
    ours, host = steps(tiny['setr'], 'stock', mode=mode)
    assert compare_variants(ours, host).equal
    found = [compare_outputs(ours.outputs(), host.outputs()).max_abs_diff]
    for factor in (1.01, 1.5):
        with torch.no_grad():
            ours.segmentor.backbone.blocks[0].mlp.fc1.weight.mul_(factor)
        result = compare_outputs(ours.outputs(), host.outputs())
        assert not result.equal
        found.append(result.max_abs_diff)
    assert found[0] < 1e-5 < found[1] < found[2]


def test_labels_that_differ_are_counted():
    logits = torch.zeros(1, 2, 2, 2)
    result = compare_outputs([logits, torch.tensor([0, 1, 1, 1])], [logits, torch.tensor([0, 1, 0, 1])])
    assert result.labels_agree == 0.75


def test_not_finite_is_not_equal():
    broken = torch.full((1, 2), float('nan'))
    result = compare_outputs([broken], [broken])
    assert (result.equal, result.max_abs_diff, result.note) == (False, None, 'results are not finite')


def test_another_decoder_is_not_compared_and_said(tiny):
    """The host has no linear projection."""
    ours, host = steps(tiny['segformer'], 'stock')
    result = compare_variants(ours, host)
    assert result.max_abs_diff is None
    assert "the host's own decoder" in result.note


def test_weights_that_do_not_fit_are_not_compared_and_said(tiny):
    ours, other = (Step(Variant(name, tiny[name]).build(), Settings(shape=(64, 64))) for name in ('setr', 'linear'))
    result = compare_variants(ours, other)
    assert result.max_abs_diff is None
    assert 'does not fit' in result.note


def test_reduced_precision_is_compared_with_float32(tiny):
    ours, host = steps(tiny['setr'], 'stock', dtype='bfloat16', mode='forward')
    compare_variants(ours, host)
    result = compare_to_float32(ours)
    assert 1e-4 < result.max_abs_diff < 0.5
    assert ours.dtype == 'bfloat16'


def test_configs_in_float64(tiny):
    result = compare_configs(tiny['setr'], tiny['setr'], (64, 64))
    assert result.equal
    assert result.max_abs_diff == 0
