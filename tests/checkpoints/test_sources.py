"""Every source: recognised, loaded whole, the reference's numbers; anything else refused, and nothing loaded."""

import pytest
import torch
from mmseg.registry import MODELS
from safetensors.torch import save_file
from torch.testing import assert_close

from mmseg_vitseg.checkpoints.fitting import Options
from mmseg_vitseg.checkpoints.loading import load_pretrained_backbone, load_weights, load_whole_model
from mmseg_vitseg.checkpoints.sources import NAMES, recognise, to_our_names
from mmseg_vitseg.cli.convert_checkpoint import SOURCES
from vitseg_tests.published import REFERENCES, reference_of, segmentor, small_images


@pytest.fixture(params=REFERENCES)
def reference(request, tmp_path):
    """Each format in turn."""
    return reference_of(request.param, tmp_path)


def load(reference, state, path):
    """Load a file of ``state`` into a fresh model as a user would: a backbone by init_cfg, a segmentor by load_from."""
    torch.save(state, path)
    model = MODELS.build(reference.model)
    whole = 'decode_head' in reference.model
    load_whole_model(model, path) if whole else load_pretrained_backbone(model, path)
    return model.eval()


def compare(model, reference):
    images = small_images()
    with torch.no_grad():
        features, expected = model(images), reference.expected(images)
    if isinstance(expected, (tuple, list)):
        assert_close(list(features), list(expected))
    else:
        assert_close(features[0] if isinstance(features, tuple) else features, expected)


def test_loads_whole_and_gives_the_reference_s_numbers(reference, tmp_path):
    compare(load(reference, reference.state, tmp_path / 'x.pth'), reference)


def test_is_told_from_its_names(reference):
    converted = to_our_names(reference.state, None)
    assert reference.source in ('', converted.source.name)
    assert converted.left == []
    unused = [
        name
        for name in converted.weights
        if name.endswith('cls_token') and reference.model.get('with_cls_token') is False
    ]
    assert len(converted.dropped + unused) == reference.drops


@pytest.mark.parametrize('change', ['missing', 'more', 'shape'])
def test_anything_else_is_refused_and_nothing_loaded(reference, change, tmp_path):
    drops = set(to_our_names(reference.state, None).dropped)
    name = [name for name in reference.state if name not in drops and 'cls' not in name][-1]
    state = dict(reference.state)
    if change == 'missing':
        del state[name]
    elif change == 'more':
        state[f'{name}_more'] = torch.ones(1)
    else:
        state[name] = torch.ones(*state[name].shape, 2)
    torch.save(state, tmp_path / 'x.pth')
    model = MODELS.build(reference.model)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(
        ValueError, match=r'not in the model|missing|of another shape|not a format|not shapes of'
    ) as info:
        (load_whole_model if 'decode_head' in reference.model else load_pretrained_backbone)(model, tmp_path / 'x.pth')
    assert '\n' not in str(info.value)
    assert str(tmp_path / 'x.pth') in str(info.value)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_by_load_state_dict_too(reference):
    """What the Runner's load_from does in a segmentor, and torch in a backbone."""
    model = MODELS.build(reference.model).eval()
    model.load_state_dict(reference.state)
    compare(model, reference)


@pytest.mark.parametrize('suffix', ['safetensors', 'bin'])
def test_files_of_hf(suffix, tmp_path):
    reference = reference_of('hf-vit', tmp_path)
    path = tmp_path / f'model.{suffix}'
    save_file(reference.state, path) if suffix == 'safetensors' else torch.save(reference.state, path)
    model = MODELS.build(dict(reference.model, init_cfg=dict(type='Pretrained', checkpoint=str(path), source='hf')))
    model.init_weights()
    compare(model.eval(), reference)


def test_jax_transpositions_against_numpy(tmp_path):
    """The product that flax computes, with its kernels as they stand in the file."""
    import numpy as np

    state = reference_of('jax', tmp_path).state
    native = to_our_names(state, None, prefix='').weights
    x = np.random.default_rng(0).normal(size=(5, 24)).astype(np.float32)
    attention = 'Transformer/encoderblock_1/MultiHeadDotProductAttention_1/'
    for position, name in enumerate(('query', 'key', 'value')):
        kernel, bias = state[f'{attention}{name}/kernel'].numpy(), state[f'{attention}{name}/bias'].numpy()
        expected = np.einsum('nd,dmh->nmh', x, kernel) + bias
        rows = slice(24 * position, 24 * position + 24)
        weight, shift = native['blocks.1.attn.qkv.weight'][rows], native['blocks.1.attn.qkv.bias'][rows]
        assert_close(torch.from_numpy(x) @ weight.T + shift, torch.from_numpy(expected).flatten(1))
    heads = np.random.default_rng(1).normal(size=(5, 4, 6)).astype(np.float32)
    expected = np.einsum('nmh,mhd->nd', heads, state[f'{attention}out/kernel'].numpy())
    assert_close(torch.from_numpy(heads).flatten(1) @ native['blocks.1.attn.proj.weight'].T, torch.from_numpy(expected))
    patch = np.random.default_rng(2).normal(size=(8, 8, 3)).astype(np.float32)
    expected = np.einsum('hwc,hwcd->d', patch, state['embedding/kernel'].numpy())
    kernel = native['patch_embed.proj.weight']
    assert_close((kernel * torch.from_numpy(patch).permute(2, 0, 1)).sum((1, 2, 3)), torch.from_numpy(expected))


def test_positions_of_a_distilled_model_are_resized(tmp_path):
    reference = reference_of('deit', tmp_path)
    model = MODELS.build({**reference.model, 'img_size': 48})
    load_weights(model, reference.state, 'x.pth', Options(pretrained=True))
    expected = reference.state['dist_token'] + reference.state['pos_embed'][:, 1:2]
    assert torch.equal(model.reg_token, expected)


# --------------------------------------------------------------------------------------------------------- recognising


def test_unknown_names_are_shown():
    with pytest.raises(ValueError, match=r'not a format that is known .*layer1\.0\.conv1\.weight, layer1\.1'):
        recognise(['layer1.0.conv1.weight', 'layer1.1.conv1.weight'])


def test_two_formats_at_once_are_refused(tmp_path):
    both = {**reference_of('timm', tmp_path).state, **reference_of('torchvision', tmp_path).state}
    with pytest.raises(
        ValueError, match=r"could be timm's ViT or torchvision's ViT; say which with source=; its first names"
    ):
        recognise(both)
    assert recognise(both, source='timm')[0].name == 'timm'


def test_a_weight_under_its_name_and_under_ours(tmp_path):
    reference = reference_of('hf-vit-model', tmp_path)
    with pytest.raises(ValueError, match=r'1 not in the model \(norm\.weight\)'):
        load_weights(MODELS.build(reference.model), {**reference.state, 'norm.weight': torch.ones(24)}, 'x.pth')


def test_a_wrong_source_says_what_it_is(tmp_path):
    with pytest.raises(ValueError, match=r"source='jax', but this is Hugging Face's ViT \(source='hf'\)"):
        recognise(reference_of('hf-vit', tmp_path).state, source='jax')
    with pytest.raises(ValueError, match=r"source='tim'; allowed: auto, timm, "):
        recognise([], source='tim')


def test_the_command_lists_the_sources():
    assert sorted(SOURCES) == sorted(NAMES)


# -------------------------------------------------------------------------------------------------------------- advice


S14, S16 = dict(variant='small', patch_size=14, img_size=518), dict(variant='small', img_size=(512, 1024))
VARIANTS = [
    (
        dict(variant='large', img_size=384),
        dict(variant='base'),
        'is a ViT-L/16 at 384; your config says ViT-B/16 at 224',
    ),
    (S14, S16, 'is a ViT-S/14 at 518; your config says ViT-S/16 at 512x1024'),
    (
        dict(embed_dims=24, num_heads=4),
        {},
        'is a ViT of 12 blocks, width 24, patches 16 at 224; your config says ViT-B',
    ),
]


@pytest.mark.parametrize(('theirs', 'ours', 'words'), VARIANTS)
def test_the_variant_is_named(theirs, ours, words):
    with torch.device('meta'):
        file, model = (MODELS.build(dict(type='mmseg_vitseg.VisionTransformer', **sizes)) for sizes in (theirs, ours))
    with pytest.raises(ValueError, match=f'This file {words}'):
        load_weights(model, file.state_dict(), 'x.pth')


def test_the_variant_of_a_mit_is_named():
    with torch.device('meta'):
        file, model = (MODELS.build(dict(type='mmseg_vitseg.MixVisionTransformer', variant=v)) for v in ('b2', 'b0'))
    with pytest.raises(ValueError, match='This file is a MiT-B2; your config says MiT-B0'):
        load_weights(model, file.state_dict(), 'x.pth')


def test_a_backbone_does_not_fill_a_segmentor(tmp_path):
    reference = reference_of('timm', tmp_path)
    config = segmentor(reference.model)
    with pytest.raises(
        ValueError, match=r"backbone only: .*model\.backbone\.init_cfg, .*from_scratch=\['decode_head'\]"
    ):
        load_weights(MODELS.build(config), reference.state, 'x.pth')
    model = MODELS.build(dict(config, from_scratch=['decode_head']))
    drawn = model.decode_head.projection[0].weight.clone()
    model.load_state_dict(reference.state)
    assert torch.equal(model.backbone.blocks[1].norm2.bias, reference.state['blocks.1.norm2.bias'])
    assert torch.equal(model.decode_head.projection[0].weight, drawn)


def test_a_head_alone_by_init_cfg(tmp_path):
    reference = reference_of('segformer', tmp_path)
    torch.save(reference.state, tmp_path / 'x.pth')
    head = dict(reference.model['decode_head'], init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth')))
    model = MODELS.build(head)
    model.init_weights()
    assert torch.equal(model.conv_seg.weight.flatten(1), reference.state['decode_head.linear_pred.weight'].flatten(1))
    head['init_cfg'] = dict(head['init_cfg'], resize_patches=True)
    with pytest.raises(ValueError, match='init_cfg has resize_patches=True; allowed: checkpoint, source, prefix'):
        MODELS.build(head).init_weights()
    head.update(channels=32, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'x.pth')))
    with pytest.raises(ValueError, match='of another shape'):
        MODELS.build(head).init_weights()
