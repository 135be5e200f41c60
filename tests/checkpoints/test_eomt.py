"""EoMT's files: Hugging Face's and the authors', on every backbone; their encoder alone; differences to DINOv3."""

import pytest
import torch
from mmseg.registry import MODELS
from torch.testing import assert_close

from mmseg_vitseg.checkpoints.fitting import Options
from mmseg_vitseg.checkpoints.loading import load_pretrained_backbone, load_weights
from mmseg_vitseg.checkpoints.sources import to_our_names
from mmseg_vitseg.checkpoints.values import UnusableValuesError
from mmseg_vitseg.converting.differences import added_to_base
from mmseg_vitseg.converting.to_projects import to_project
from vitseg_tests.eomt_files import FAMILIES, SIDE, differences_of, of_authors

PUBLISHED = [name for name in FAMILIES if name != 'DINOv3 gated']  # by Hugging Face
AUTHORS = ['DINOv2', 'DINOv3', 'DINOv3 gated']  # of g, theirs are timm's names, as of the others
HEAD = {'q.weight', 'upscale.0.conv2.weight'}
HEAD |= {
    f'{part}.{kind}' for part in ('class_head', 'upscale.0.conv1', 'upscale.0.norm') for kind in ('weight', 'bias')
}
HEAD |= {f'mask_head.{index}.{kind}' for index in (0, 2, 4) for kind in ('weight', 'bias')}


@pytest.fixture(params=PUBLISHED)
def family(request):
    """Each backbone in turn."""
    return FAMILIES[request.param]


def packed(state):
    """Write SwiGLU as transformers 4 did: gate and value in one tensor."""
    result = {name.replace('down_proj', 'weights_out'): value for name, value in state.items()}
    for name in [name for name in result if 'gate_proj' in name]:
        both = [result.pop(name), result.pop(name.replace('gate', 'up'))]
        result[name.replace('gate_proj', 'weights_in')] = torch.cat(both)
    return result


def names_of(family):
    """Return the names that our segmentor has, without the periods of positions, which files leave out."""
    backbone = MODELS.build(family.backbone()).state_dict().keys() - {'rope.periods'}
    return {f'backbone.{name}' for name in backbone} | {f'decode_head.{name}' for name in HEAD}


def test_every_name_has_its_place(family):
    renamed = to_our_names(family.hugging_face().state_dict(), None)
    assert renamed.weights.keys() == names_of(family)
    assert (renamed.left, renamed.dropped) == ([], ['attn_mask_probs', 'criterion.empty_weight'])
    assert renamed.source.name == 'hf'


@pytest.mark.parametrize('name', AUTHORS)
def test_the_authors_have_the_same(name):
    family = FAMILIES[name]
    state = family.hugging_face().state_dict()
    theirs = to_our_names(of_authors(state, family.rotary), None)
    assert (theirs.source.name, theirs.left, len(theirs.dropped)) == ('eomt', [], 4)
    assert theirs.weights.keys() == names_of(family)
    if name in PUBLISHED:
        ours = to_our_names(state, None).weights
        assert all(torch.equal(value, ours[name]) for name, value in theirs.weights.items())


def test_transformers_4_had_swiglu_in_one():
    state = FAMILIES['DINOv2-g'].hugging_face().state_dict()
    ours, before = to_our_names(state, None), to_our_names(packed(state), None)
    assert (before.left, before.weights.keys()) == ([], ours.weights.keys())
    assert all(torch.equal(value, ours.weights[name]) for name, value in before.weights.items())


def test_its_encoder_starts_another_model(family, tmp_path):
    """The numbers of theirs without queries; the class token's, which has no position there, included."""
    theirs = family.hugging_face()
    torch.save(theirs.state_dict(), tmp_path / 'x.pth')
    ours = MODELS.build(family.backbone()).eval()
    load_pretrained_backbone(ours, tmp_path / 'x.pth')
    images = torch.randn(1, 3, SIDE, SIDE)
    with torch.no_grad():
        more = dict(position_embeddings=theirs.rope_embeddings(images)) if family.rotary else {}
        tokens = theirs.embeddings(images)
        for layer in theirs.layers:
            tokens = layer(tokens, **more)
        assert_close(ours(images)[0].flatten(2).mT, theirs.layernorm(tokens)[:, 5:])


@pytest.mark.parametrize('change', ['missing', 'more'])
@pytest.mark.parametrize('name', AUTHORS)
def test_anything_else_is_refused(name, change):
    family = FAMILIES[name]
    state = of_authors(family.hugging_face().state_dict(), family.rotary)
    if change == 'missing':
        del state['network.encoder.backbone.norm.bias']
    else:
        state['network.encoder.backbone.norm.gain'] = torch.ones(1)
    with pytest.raises(ValueError, match=r'1 missing|1 not in the model'):
        load_weights(MODELS.build(family.backbone()), state, 'x.pth', Options(pretrained=True))


# --------------------------------------------------------------------------------------------------------- differences


@pytest.fixture
def rotary():
    """Authors' weights on DINOv3, cut into differences and their base."""
    theirs = of_authors(FAMILIES['DINOv3'].hugging_face().state_dict(), rotary=True)
    return theirs, *differences_of(theirs)


def test_differences_and_their_base_are_the_weights(rotary, tmp_path):
    theirs, differences, base = rotary
    torch.save(base, tmp_path / 'base.pth')
    whole = added_to_base(differences, tmp_path / 'base.pth')
    assert whole.keys() == theirs.keys()
    for name, value in theirs.items():
        if name.startswith('network.encoder.backbone.'):
            assert not torch.equal(differences[name], value)
            assert_close(whole[name], value)
        else:
            assert torch.equal(whole[name], value), name


def test_differences_are_no_weights(rotary, tmp_path):
    words = r'differences to DINOv3.s weights, not weights: .* --base DINOV3'
    with pytest.raises(UnusableValuesError, match=words):
        to_our_names(rotary[1], None)
    torch.save({'state_dict': rotary[1]}, tmp_path / 'x.ckpt')
    backbone = MODELS.build(FAMILIES['DINOv3'].backbone())
    with pytest.raises(UnusableValuesError, match=words):
        load_pretrained_backbone(backbone, tmp_path / 'x.ckpt')
    with pytest.raises(UnusableValuesError, match=words):
        backbone.load_state_dict(rotary[1])


def wider(theirs, differences, base):
    other = MODELS.build(FAMILIES['DINOv3'].backbone(embed_dims=48)).state_dict()
    return differences, other


def without_biases(theirs, differences, base):
    return differences, {name: value for name, value in base.items() if not name.endswith('q_proj.bias')}


def another_rank(theirs, differences, base):
    return differences, base | {'embeddings.register_tokens': torch.zeros(1, 2, 24)}


MISTAKES = [
    (wider, r'is a DINOv3 of 2 blocks, width 48, patches 8, these are differences to a DINOv3 of 2 blocks, width 24'),
    (without_biases, r'both, or not alike, network\.encoder\.backbone\.blocks\.0\.attention\.q_proj\.bias, '),
    (another_rank, r'both, or not alike, network\.encoder\.backbone\.patch_embed\.register_tokens$'),
    (lambda theirs, differences, base: (theirs, base), r'these are weights, not differences: leave out --base'),
    (lambda theirs, differences, base: (base, base), r"this is Hugging Face's DINOv3$"),
    (lambda theirs, differences, base: (differences, theirs), r"the EoMT authors' on DINOv3; allowed: DINOv3, in"),
]


@pytest.mark.parametrize(('change', 'words'), MISTAKES)
def test_what_does_not_go_together(rotary, change, words, tmp_path):
    differences, base = change(*rotary)
    torch.save(base, tmp_path / 'base.pth')
    with pytest.raises(ValueError, match=words) as info:
        added_to_base(differences, tmp_path / 'base.pth')
    assert '\n' not in str(info.value)


@pytest.mark.parametrize(
    ('backbone', 'words'),
    [
        (dict(variant='small'), r'hf has no EoMT on a ViT$'),
        (dict(variant='dinov3_h_plus'), r'hf has no EoMT on a DINOv3 with SwiGLU$'),
        (dict(variant='dinov2_s', with_cls_token=False), r'EoMT has a class token, this model has none$'),
    ],
)
def test_what_hugging_face_does_not_have(backbone, words):
    state = MODELS.build(FAMILIES['DINOv2'].backbone(**backbone)).state_dict()
    state = {f'backbone.{name}': value for name, value in state.items()} | {'decode_head.q.weight': torch.ones(5, 24)}
    with pytest.raises(ValueError, match=words):
        to_project(state, 'hf', query_blocks=1)
