"""DINOv2 and DINOv3 against Hugging Face's: every kind of variant at a tiny width, from the state dicts of its modules."""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.architectures import VITS
from mmseg_vitseg.checkpoints.fitting import fit_to
from mmseg_vitseg.inspecting.attention import attention_weights
from mmseg_vitseg.models import VisionTransformer
from vitseg_tests.weights import randomise

transformers = pytest.importorskip('transformers', reason='no transformers to compare with')

WIDTH, DEPTH, HEADS, PATCH, SIDE = 48, 3, 4, 4, 24
SMALL = dict(embed_dims=WIDTH, num_layers=DEPTH, num_heads=HEADS, patch_size=PATCH, img_size=SIDE)
LEVELS = (0, 2)
HF_SIZES = dict(
    hidden_size=WIDTH,
    num_hidden_layers=DEPTH,
    num_attention_heads=HEADS,
    patch_size=PATCH,
    image_size=SIDE,
    out_indices=[level + 1 for level in LEVELS],  # 0 is the embedding
)
GATED = dict(use_gated_mlp=True, hidden_act='silu', num_register_tokens=4)
KINDS = {
    'dinov2_s': ('Dinov2', {}),
    'dinov2_g': ('Dinov2', dict(use_swiglu_ffn=True)),
    'dinov2_b_reg': ('Dinov2WithRegisters', dict(num_register_tokens=4)),
    'dinov2_g_reg': ('Dinov2WithRegisters', dict(num_register_tokens=4, use_swiglu_ffn=True)),
    'dinov3_s': ('DINOv3ViT', dict(num_register_tokens=4, intermediate_size=4 * WIDTH)),
    'dinov3_s_plus': ('DINOv3ViT', dict(GATED, intermediate_size=4 * WIDTH)),
    'dinov3_7b': ('DINOv3ViT', dict(GATED, intermediate_size=2 * WIDTH, query_bias=False, value_bias=False)),
}


def pair(variant: str, **changes) -> tuple[nn.Module, VisionTransformer]:
    name, settings = KINDS[variant]
    config = getattr(transformers, f'{name}Config')(**HF_SIZES, **settings)
    theirs = randomise(getattr(transformers, f'{name}Backbone')(config))
    ours = VisionTransformer(variant=variant, **{**SMALL, 'out_indices': LEVELS, **changes})
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours.eval()


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('size', [(24, 24), (40, 16)])
@pytest.mark.parametrize('variant', KINDS)
def test_levels_and_gradients_are_theirs(variant, size, training):
    """Each level normed; in training the same rescale of coordinates drawn."""
    theirs, ours = pair(variant)
    images = torch.randn(2, 3, *size)
    levels = []
    for model in (theirs, ours):
        torch.manual_seed(1)
        maps = model.train(training)(images)
        levels.append(maps.feature_maps if model is theirs else maps)
        sum((level * weights_like(level)).sum() for level in levels[-1]).backward()
    gradients = {name: value.grad for name, value in theirs.named_parameters() if value.grad is not None}
    expected = fit_to(ours, gradients, 'gradients').weights
    own = {name: value.grad for name, value in ours.named_parameters()}
    expected = {name: expected[name].reshape(value.shape) for name, value in own.items()}
    print(f'{variant}: levels {furthest(*levels):.0e}, gradients {furthest(own.values(), expected.values()):.0e}')
    for one, other in zip(*levels, strict=True):
        assert_close(other, one)
    for name, value in own.items():
        assert_close(value, expected[name], rtol=1e-4, atol=1e-4, msg=name)


@torch.no_grad()
def furthest(one, other) -> float:
    """Return the largest difference, over the largest value that it is one of."""
    pairs = zip(one, other, strict=True)
    return max(((a - b).abs().max() / b.abs().max()).item() for a, b in pairs)


def weights_like(level: torch.Tensor) -> torch.Tensor:
    return torch.linspace(-1, 1, level[0].numel()).reshape(level[0].shape)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('variant', ['dinov2_s', 'dinov3_s', 'dinov3_s_plus'])
def test_half_precision_is_no_further_from_float32_than_theirs(variant, dtype):
    theirs, ours = pair(variant)
    images = torch.randn(4, 3, 40, 40)
    with torch.no_grad():
        exact = theirs(images).feature_maps[-1]
        their_distance = (theirs.to(dtype)(images.to(dtype)).feature_maps[-1] - exact).square().mean()
        distance = (ours.to(dtype)(images.to(dtype))[-1] - exact).square().mean()
    assert distance < 1.1 * their_distance  # roundings at random, and positions kept in float32


@pytest.mark.parametrize(
    ('variant', 'millions', 'config'),
    [
        ('dinov2_s', 22.06, ('Dinov2', dict())),
        ('dinov2_g', 1136.48, ('Dinov2', dict(use_swiglu_ffn=True))),
        ('dinov2_l_reg', 304.37, ('Dinov2WithRegisters', dict(num_register_tokens=4))),
        ('dinov3_s', 21.59, ('DINOv3ViT', dict(num_register_tokens=4, intermediate_size=1536))),
        ('dinov3_s_plus', 28.69, ('DINOv3ViT', dict(GATED, intermediate_size=1536))),
        ('dinov3_b', 85.66, ('DINOv3ViT', dict(num_register_tokens=4, intermediate_size=3072))),
        ('dinov3_l', 303.13, ('DINOv3ViT', dict(num_register_tokens=4, intermediate_size=4096))),
        ('dinov3_h_plus', 840.59, ('DINOv3ViT', dict(GATED, intermediate_size=5120))),
        ('dinov3_7b', 6716.04, ('DINOv3ViT', dict(GATED, intermediate_size=8192, query_bias=False, value_bias=False))),
    ],
)
def test_full_sizes(variant, millions, config):
    """Theirs, less the mask token; S 21 M, S+ 29 M, B 86 M, L 300 M, H+ 840 M, 7B 6716 M are published."""
    row, (name, settings) = VITS[variant], config
    sizes = dict(hidden_size=row.embed_dims, num_hidden_layers=row.num_layers, num_attention_heads=row.num_heads)
    with torch.device('meta'):
        ours = VisionTransformer(variant=variant)
        theirs = getattr(transformers, f'{name}Model')(
            getattr(transformers, f'{name}Config')(
                **sizes, image_size=row.img_size, patch_size=row.patch_size, **settings
            )
        )
    count = sum(value.numel() for value in ours.parameters())
    assert count == sum(value.numel() for value in theirs.parameters()) - row.embed_dims
    assert count / 1e6 == pytest.approx(millions, abs=0.01)


@torch.no_grad()
@pytest.mark.parametrize('variant', ['dinov2_s', 'dinov3_s'])
def test_a_variant_without_its_layer_scale(variant):
    """As theirs where every factor is one."""
    theirs, scaled = pair(variant)
    for name, value in theirs.named_parameters():
        if name.endswith('.lambda1'):
            value.fill_(1)
    ours = VisionTransformer(variant=variant, **SMALL, out_indices=LEVELS, layer_scale=False).eval()
    ours.load_state_dict({name: value for name, value in scaled.state_dict().items() if '.ls' not in name})
    images = torch.randn(1, 3, 24, 16)
    for one, other in zip(theirs(images).feature_maps, ours(images), strict=True):
        assert_close(other, one)


@torch.no_grad()
@pytest.mark.parametrize('variant', ['dinov2_b_reg', 'dinov3_s'])
def test_any_size_is_padded_to_whole_patches(variant):
    theirs, ours = pair(variant)
    images = torch.randn(1, 3, 37, 22)
    expected = theirs(F.pad(images, (0, 2, 0, 3))).feature_maps
    for one, other in zip(expected, ours(images), strict=True):
        assert_close(other, one)


@torch.no_grad()
def test_attention_weights_are_theirs():
    theirs, ours = pair('dinov3_s_plus')
    theirs.set_attn_implementation('eager')
    images, given = torch.randn(2, 3, 32, 24), []
    for block in ours.blocks:
        block.attn.register_forward_pre_hook(lambda _, arguments: given.append(arguments))
    ours(images)
    expected = theirs(images, output_attentions=True).attentions
    for block, (x, *positions), weights in zip(ours.blocks, given, expected, strict=True):
        assert_close(attention_weights(block.attn, x, None, positions), weights)


def test_checkpointing_recomputes_with_the_same_rescale():
    _, ours = pair('dinov3_s')
    images, found = torch.randn(2, 3, 24, 24), []
    for ours.with_cp in (False, True):
        ours.zero_grad()
        torch.manual_seed(1)
        ours.train()(images)[-1].square().sum().backward()
        found.append([value.grad.clone() for value in ours.parameters()])
    for one, other in zip(*found, strict=True):
        assert_close(other, one)


@pytest.mark.parametrize(('variant', 'training'), [('dinov2_g_reg', True), ('dinov3_s', True), ('dinov3_s', False)])
@pytest.mark.filterwarnings('ignore')  # torch's own, while it compiles
def test_one_graph(variant, training):
    _, ours = pair(variant)
    images, weight = torch.randn(2, 3, 24, 24), ours.blocks[0].attn.qkv.weight
    torch.manual_seed(1)
    (expected,) = torch.autograd.grad(ours.train(training)(images)[-1].square().sum(), weight)
    torch._dynamo.reset()
    compiled = torch.compile(ours, fullgraph=True, backend='aot_eager')
    torch.manual_seed(1)
    (found,) = torch.autograd.grad(compiled(images)[-1].square().sum(), weight)
    assert_close(found, expected)
    torch._dynamo.reset()


def test_each_forward_pass_in_training_draws_a_rescale():
    _, ours = pair('dinov3_s')
    images = torch.randn(1, 3, 24, 24)
    with torch.no_grad():
        assert torch.equal(ours(images)[-1], ours(images)[-1])
        ours.train()
        assert not torch.equal(ours(images)[-1], ours(images)[-1])
        ours.rope.rescale = 1.0
        assert torch.equal(ours(images)[-1], ours(images)[-1])


def test_frozen_stages():
    _, ours = pair('dinov3_s', frozen_stages=DEPTH)
    learned = {name for name, value in ours.named_parameters() if value.requires_grad}
    assert learned == {'norm.weight', 'norm.bias'}


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (dict(position='sine'), "allowed: 'learned', 'rope'"),
        (dict(final_norm='first'), "allowed: False, 'last', 'each'"),
        (dict(qkv_bias='k'), "allowed: True, False, 'qv'"),
        (dict(num_heads=8), 'heads of width 6; embed_dims / num_heads must be a multiple of 4'),
        (dict(rope_rescale=0.5), 'rope_rescale=0.5; allowed: 1 and above'),
        (dict(num_registers=-1), 'num_registers=-1; at least 0'),
    ],
)
def test_mistakes_are_explained(arguments, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        VisionTransformer(variant='dinov3_s', **{**SMALL, **arguments})
