"""The ViT against implementations that none of us wrote: HF transformers and the host."""

import copy

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn
from torch.testing import assert_close

from mmseg_vitseg.models import VisionTransformer
from vitseg_tests.weights import randomise

SMALL = dict(img_size=32, patch_size=8, embed_dims=24, num_layers=3, num_heads=4)
EPS = dict(norm_cfg=dict(type='LN', eps=1e-6))


def make(**kwargs) -> VisionTransformer:
    model = VisionTransformer(**{**SMALL, **EPS, **kwargs})
    model.init_weights()
    return model.eval()


# ---------------------------------------------------------------------------------------------- against HF transformers

HF_SIZES = dict(
    image_size=32,
    patch_size=8,
    hidden_size=24,
    num_hidden_layers=3,
    num_attention_heads=4,
    intermediate_size=96,
    layer_norm_eps=1e-6,
)


def timm_names(hf: nn.Module) -> dict[str, torch.Tensor]:
    """Rename an HF ViT's or DINOv2's weights as timm names them: the names that checkpoints come with."""
    state = hf.state_dict()
    renamed = {
        'cls_token': state['embeddings.cls_token'],
        'pos_embed': state['embeddings.position_embeddings'],
        'patch_embed.proj.weight': state['embeddings.patch_embeddings.projection.weight'],
        'patch_embed.proj.bias': state['embeddings.patch_embeddings.projection.bias'],
        'norm.weight': state['layernorm.weight'],
        'norm.bias': state['layernorm.bias'],
    }
    if 'embeddings.register_tokens' in state:
        renamed['reg_token'] = state['embeddings.register_tokens']
    for index in range(hf.config.num_hidden_layers):
        found = {
            name: value for name, value in state.items() if f'layer.{index}.' in name or f'layers.{index}.' in name
        }

        def pick(*alternatives, found=found):
            (value,) = [value for name, value in found.items() if name.endswith(alternatives)]
            return value

        block = f'blocks.{index}.'
        for kind in ('weight', 'bias'):
            projections = [
                pick(f'attention.{name}.{kind}', f'attention.{short}_proj.{kind}')
                for name, short in (('query', 'q'), ('key', 'k'), ('value', 'v'))
            ]
            renamed[f'{block}attn.qkv.{kind}'] = torch.cat(projections)
            renamed[f'{block}attn.proj.{kind}'] = pick(f'attention.output.dense.{kind}', f'attention.o_proj.{kind}')
            renamed[f'{block}norm1.{kind}'] = pick(f'layernorm_before.{kind}', f'norm1.{kind}')
            renamed[f'{block}norm2.{kind}'] = pick(f'layernorm_after.{kind}', f'norm2.{kind}')
            renamed[f'{block}mlp.fc1.{kind}'] = pick(f'intermediate.dense.{kind}', f'mlp.fc1.{kind}')
            renamed[f'{block}mlp.fc2.{kind}'] = pick(f'{index}.output.dense.{kind}', f'mlp.fc2.{kind}')
        for ours, theirs in (('ls1', 'layer_scale1'), ('ls2', 'layer_scale2')):
            if any(theirs in name for name in found):
                renamed[f'{block}{ours}.gamma'] = pick(f'{theirs}.lambda1')
    return renamed


def hf_models():
    transformers = pytest.importorskip('transformers')
    return {
        'vit': (transformers.ViTModel(transformers.ViTConfig(**HF_SIZES), add_pooling_layer=False), {}),
        'dinov2': (transformers.Dinov2Model(transformers.Dinov2Config(**HF_SIZES)), dict(layer_scale=1.0)),
        'dinov2_registers': (
            transformers.Dinov2WithRegistersModel(
                transformers.Dinov2WithRegistersConfig(**HF_SIZES, num_register_tokens=3)
            ),
            dict(layer_scale=1.0, num_registers=3, antialias=True),
        ),
    }


@pytest.mark.parametrize('size', [(32, 32), (48, 24)])
@pytest.mark.parametrize('name', ['vit', 'dinov2', 'dinov2_registers'])
def test_equals_hf_from_a_state_dict_of_timms_names(name, size):
    hf, arguments = hf_models()[name]
    randomise(hf)
    ours = make(final_norm=True, **arguments)
    ours.load_state_dict(timm_names(hf))  # strict: every key, convolution kernels included
    images = torch.randn(2, 3, *size)
    with torch.no_grad():
        resize = dict(interpolate_pos_encoding=True) if name == 'vit' else {}
        tokens = hf(images, **resize).last_hidden_state
        (features,) = ours(images)
    grid = size[0] // 8, size[1] // 8
    patches = tokens[:, tokens.shape[1] - grid[0] * grid[1] :]
    assert_close(features, patches.transpose(1, 2).unflatten(2, grid))


# --------------------------------------------------------------------------------------------------- against the host


def host_and_ours(**kwargs):
    arguments = {**SMALL, **EPS, **kwargs}
    host = randomise(MODELS.build(dict(type='mmseg.VisionTransformer', patch_bias=True, **arguments)))
    ours = MODELS.build(dict(type='mmseg_vitseg.VisionTransformer', **arguments))
    ours.load_state_dict(host.state_dict())  # strict; the hook knows the host's names
    return host, ours.eval()


@pytest.mark.parametrize('size', [(32, 32), (40, 24), (30, 45)])
@pytest.mark.parametrize(
    'arguments',
    [
        dict(out_indices=(0, 2)),
        dict(final_norm=True, interpolate_mode='bilinear', qkv_bias=False),
        dict(with_cls_token=False, in_channels=5),
    ],
)
def test_equals_the_host_at_any_size(arguments, size):
    host, ours = host_and_ours(**arguments)
    images = torch.randn(2, arguments.get('in_channels', 3), *size)
    with torch.no_grad():
        expected, features = host(images), ours(images)
    assert len(expected) == len(features)
    for theirs, mine in zip(expected, features, strict=True):
        assert_close(mine, theirs)


@pytest.mark.parametrize('with_cp', [False, True])
def test_gradients_equal_the_hosts(with_cp):
    host, ours = host_and_ours(final_norm=True)
    ours.with_cp = with_cp
    images = torch.randn(2, 3, 32, 32)
    calls = []
    ours.blocks[1].register_forward_pre_hook(lambda *_: calls.append(1))
    for model in (host, ours):
        model.train()
        model(images)[0].square().mean().backward()
    assert_close(ours.blocks[0].attn.qkv.weight.grad, host.layers[0].attn.attn.in_proj_weight.grad)
    assert_close(ours.patch_embed.proj.weight.grad, host.patch_embed.projection.weight.grad.flatten(1))
    assert_close(ours.pos_embed.grad, host.pos_embed.grad)
    assert len(calls) == (2 if with_cp else 1)  # checkpointing runs the forward pass again


@pytest.mark.parametrize(
    'path', ['setr_pup.py', 'setr_naive.py', 'setr_mla.py', 'upernet_vit-b16_ln_mln.py', 'segmenter_vit-b16_mask.py']
)
def test_prefixing_the_type_of_a_published_config_is_all_it_takes(path):
    from importlib import resources

    from mmengine.config import Config

    file = resources.files('mmseg') / '.mim/configs/_base_/models' / path
    backbone = copy.deepcopy(Config.fromfile(str(file)).model.backbone)
    backbone.update(embed_dims=16, num_heads=2, img_size=32)  # small; everything else is the config's
    del backbone.type
    model = MODELS.build(dict(type='mmseg_vitseg.VisionTransformer', **backbone))
    out_indices = backbone.get('out_indices', (-1,))
    assert [x.shape for x in model(torch.randn(1, 3, 32, 32))] == [(1, 16, 2, 2)] * len(out_indices)


# ------------------------------------------------------------------------------------------------------ by themselves


@pytest.mark.parametrize(
    ('variant', 'millions'), [('tiny', 5.52), ('small', 21.67), ('base', 85.80), ('large', 303.30)]
)
def test_variants_have_the_published_sizes(variant, millions):
    """DeiT, table 1, and ViT, table 1, less the classifier: at 224 pixels, patch 16."""
    with torch.device('meta'):
        model = VisionTransformer(variant=variant, final_norm=True)
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.01)


def test_batch_norm_of_the_input_comes_first():
    model = make(input_norm='batch').train()
    images = 100 + 50 * torch.randn(4, 3, 32, 32)
    seen = []
    model.patch_embed.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    model(images)
    assert_close(seen[0].mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    assert_close(seen[0].std((0, 2, 3)), torch.ones(3), atol=1e-3, rtol=0)


def test_no_convolution():
    assert not any(isinstance(module, nn.modules.conv._ConvNd) for module in make(input_norm='batch').modules())


@pytest.mark.parametrize('arguments', [dict(), dict(with_cls_token=False), dict(num_registers=4, layer_scale=1e-5)])
def test_levels_shapes_and_state(arguments):
    model = make(out_indices=(0, -1), **arguments)
    features = model(torch.randn(2, 3, 32, 40))
    assert [x.shape for x in features] == [(2, 24, 4, 5)] * 2
    assert model.out_indices == (0, 2)
    again = make(out_indices=(0, -1), **arguments)
    again.load_state_dict(model.state_dict())
    images = torch.randn(1, 3, 32, 32)
    assert all(torch.equal(a, b) for a, b in zip(model(images), again(images), strict=True))


def test_train_and_eval_return_the_model():
    model = make()
    assert model.train() is model
    assert model.eval() is model


def test_frozen_stages():
    model = make(input_norm='batch', frozen_stages=2, drop_rate=0.5).train()
    frozen = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    expected = ('input_norm', 'patch_embed', 'cls_token', 'pos_embed', 'blocks.0.', 'blocks.1.')
    assert frozen == {name for name, _ in model.named_parameters() if name.startswith(expected)}
    assert not model.blocks[1].training
    assert not model.input_norm.training
    assert model.blocks[2].training
    model(torch.randn(1, 3, 32, 32))[0].sum().backward()
    assert model.pos_embed.grad is None


def test_drop_path_and_dropout_only_in_training():
    model = make(drop_path_rate=0.5, drop_rate=0.2, attn_drop_rate=0.2)
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(model(images)[0], model(images)[0])
    model.train()
    assert not torch.equal(model(images)[0], model(images)[0])
    rates = [getattr(block.drop_path, 'drop_prob', 0) for block in model.blocks]
    assert rates == pytest.approx([0, 0.25, 0.5])


@pytest.mark.parametrize(
    ('arguments', 'rates'),
    [
        (dict(mlp_drop_rate=0.3), (0.0, 0.3, 0.0)),  # the article's
        (dict(drop_rate=0.2), (0.2, 0.2, 0.2)),
        (dict(drop_rate=0.2, mlp_drop_rate=0.3), (0.0, 0.3, 0.2)),
    ],
)
def test_dropout_in_a_block(arguments, rates):
    model = make(**arguments)
    assert [(b.mlp.drop1.p, b.mlp.drop2.p, b.attn.proj_drop.p) for b in model.blocks] == [rates] * 3


@pytest.mark.parametrize(
    ('arguments', 'error', 'words'),
    [
        (dict(variant='huge'), ValueError, 'allowed: tiny, small, base, large'),
        (dict(num_heads=5), ValueError, 'num_heads=5 must divide embed_dims=24'),
        (dict(out_indices=(0, 3)), ValueError, 'allowed: -3 to 2'),
        (dict(num_layers=0), ValueError, 'num_layers=0; at least 1'),
        (dict(patch_size=0), ValueError, 'patch_size=0; at least 1'),
        (dict(out_indices=(-1, 2)), ValueError, 'names a block twice'),
        (dict(img_size=4), ValueError, 'smaller than patch_size=8'),
        (dict(img_size=(1, 2, 3)), ValueError, 'an int or (height, width)'),
        (dict(input_norm='layer'), ValueError, "allowed: None, 'batch'"),
        (dict(interpolate_mode='nearest'), ValueError, "allowed: 'bicubic', 'bilinear'"),
        (dict(frozen_stages=4), ValueError, 'allowed: -1 to 3'),
        (dict(out_origin=True), ValueError, "does not support the host's out_origin=True"),
        (dict(embed_dim=24), TypeError, "did you mean 'embed_dims'?"),
        (dict(pretrained='a.pth', init_cfg=dict(type='Pretrained')), ValueError, 'give one'),
    ],
)
def test_mistakes_are_explained(arguments, error, words):
    with pytest.raises(error) as info:
        VisionTransformer(**{**SMALL, **arguments})
    assert words in str(info.value)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
def test_gpu_equals_cpu():
    model = make(out_indices=(0, -1))
    images = torch.randn(2, 3, 40, 32)
    expected = model(images)
    for on_cpu, on_gpu in zip(expected, model.cuda()(images.cuda()), strict=True):
        assert_close(on_gpu.cpu(), on_cpu, rtol=1e-4, atol=1e-4)  # other summation orders
