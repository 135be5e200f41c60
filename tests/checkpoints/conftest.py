"""Small random models that none of us wrote, and their weights under the names of every source.

Names and shapes are written out here once more, by hand, from the sources' public files: nothing is taken from the maps that
are tested.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from vitseg_tests.weights import randomise

WIDTH, DEPTH, HEADS, PATCH, SIDE = 24, 2, 4, 8, 32
SIZES = dict(embed_dims=WIDTH, num_layers=DEPTH, num_heads=HEADS, patch_size=PATCH, img_size=SIDE)
MIT = dict(embed_dims=8, num_layers=(1, 2, 1, 1), num_heads=(1, 2, 3, 4))
MIT_HEAD = dict(
    in_channels=[8, 16, 24, 32], in_index=[0, 1, 2, 3], channels=16, num_classes=5, norm_cfg=dict(type='BN')
)
LN6, LN5 = dict(type='LN', eps=1e-6), dict(type='LN', eps=1e-5)


@dataclass
class Reference:
    """A published format: weights, what model of ours has them, and what the reference computes from images."""

    state: dict[str, Tensor]
    model: dict
    expected: Callable[[Tensor], Tensor | tuple]
    drops: int = 0  # tensors of the state that no model uses
    source: str = ''
    arguments: dict = field(default_factory=dict)


def hf(kind: str, **settings) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        transformers = pytest.importorskip('transformers', reason='no transformers to compare with')
        config = kind.replace('Model', '').split('For')[0] + 'Config'
        return randomise(getattr(transformers, kind)(getattr(transformers, config)(**settings)))


def hf_vit(kind: str, **settings) -> nn.Module:
    sizes = dict(hidden_size=WIDTH, num_hidden_layers=DEPTH, num_attention_heads=HEADS, intermediate_size=4 * WIDTH)
    return hf(kind, image_size=SIDE, patch_size=PATCH, layer_norm_eps=1e-6, **sizes, **settings)


def saved(model: nn.Module, folder) -> dict[str, Tensor]:
    """Save as Hugging Face does and read back: the names of its files are not those of its modules."""
    from safetensors.torch import load_file

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        model.save_pretrained(folder)
    return load_file(folder / 'model.safetensors')


def patches(tokens: Tensor) -> Tensor:
    """(B, T + N, D) to (B, D, h, w)."""
    side = SIDE // PATCH
    return tokens[:, -side * side :].transpose(1, 2).unflatten(2, (side, side))


def vit(**arguments) -> dict:
    return dict(type='mmseg_vitseg.VisionTransformer', **{**SIZES, 'final_norm': True, 'norm_cfg': LN6, **arguments})


def mit(**arguments) -> dict:
    return dict(type='mmseg_vitseg.MixVisionTransformer', **{**MIT, 'norm_cfg': LN5, **arguments})


def block_parts(state: dict[str, Tensor], index: int) -> dict[str, Tensor]:
    """One block of an HF ViT's file: q k v o 1 2 a b (before and after), each with .weight and .bias."""
    names = dict(
        q='attention.attention.query',
        k='attention.attention.key',
        v='attention.attention.value',
        o='attention.output.dense',
        a='layernorm_before',
        b='layernorm_after',
        up='intermediate.dense',
        down='output.dense',
    )
    prefix = f'vit.encoder.layer.{index}.'
    return {f'{k}.{kind}': state[f'{prefix}{name}.{kind}'] for k, name in names.items() for kind in ('weight', 'bias')}


def rewritten(
    state: dict[str, Tensor], top: dict[str, str], block: dict[str, str], fused: bool = True
) -> dict[str, Tensor]:
    """Write an HF ViT's weights under other names: ``top`` of the stem and the end, ``block`` of the parts of a block."""
    stem = dict(
        cls='vit.embeddings.cls_token',
        pos='vit.embeddings.position_embeddings',
        kernel='vit.embeddings.patch_embeddings.projection.weight',
        bias='vit.embeddings.patch_embeddings.projection.bias',
        norm='vit.layernorm.weight',
        shift='vit.layernorm.bias',
    )
    result = {top[key]: state[name] for key, name in stem.items()}
    for index in range(DEPTH):
        parts = block_parts(state, index)
        for kind in ('weight', 'bias'):
            if fused:
                parts[f'qkv.{kind}'] = torch.cat([parts.pop(f'{letter}.{kind}') for letter in 'qkv'])
        for key, value in parts.items():
            result[block[key].format(i=index)] = value
    return result


def both(pairs: dict[str, str], weight: str = '.weight', bias: str = '.bias') -> dict[str, str]:
    return {
        f'{key}{kind}': name + end
        for key, name in pairs.items()
        for kind, end in (('.weight', weight), ('.bias', bias))
    }


TIMM_TOP = dict(
    cls='cls_token',
    pos='pos_embed',
    kernel='patch_embed.proj.weight',
    bias='patch_embed.proj.bias',
    norm='norm.weight',
    shift='norm.bias',
)
TIMM_BLOCK = both(
    dict(
        qkv='blocks.{i}.attn.qkv',
        o='blocks.{i}.attn.proj',
        a='blocks.{i}.norm1',
        b='blocks.{i}.norm2',
        up='blocks.{i}.mlp.fc1',
        down='blocks.{i}.mlp.fc2',
    )
)
HEAD = {'head.weight': torch.ones(3, WIDTH), 'head.bias': torch.ones(3)}


def vit_reference(state_of, source: str, drops: int = 0, **arguments) -> Callable:
    """Make a reference whose numbers are HF ViT's and whose names ``state_of`` writes."""

    def make(tmp_path) -> Reference:
        model = hf_vit('ViTForImageClassification', num_labels=3)
        state = state_of(saved(model, tmp_path))
        return Reference(state, vit(**arguments), lambda x: patches(model.vit(x).last_hidden_state), drops, source)

    return make


def timm_names(state):
    return {**rewritten(state, TIMM_TOP, TIMM_BLOCK), **HEAD}


def mae_names(state):
    decoder = ('decoder_embed.weight', 'decoder_blocks.0.norm1.weight', 'decoder_norm.weight', 'decoder_pred.bias')
    extra = {name: torch.ones(2, 2) for name in (*decoder, 'decoder_pos_embed', 'mask_token')}
    return {**rewritten(state, TIMM_TOP, TIMM_BLOCK), **extra}


def dino_teacher_names(state):
    own = {f'backbone.{name}': value for name, value in rewritten(state, TIMM_TOP, TIMM_BLOCK).items()}
    return {**own, 'head.mlp.0.weight': torch.ones(2, 2), 'head.last_layer.weight_g': torch.ones(2, 1)}


def torchvision_names(state, first='mlp.0', second='mlp.3'):
    top = dict(
        cls='class_token',
        pos='encoder.pos_embedding',
        kernel='conv_proj.weight',
        bias='conv_proj.bias',
        norm='encoder.ln.weight',
        shift='encoder.ln.bias',
    )
    layer = 'encoder.layers.encoder_layer_{i}.'
    pairs = dict(o='self_attention.out_proj', a='ln_1', b='ln_2', up=first, down=second)
    block = both({key: layer + name for key, name in pairs.items()})
    block |= {'qkv.weight': f'{layer}self_attention.in_proj_weight', 'qkv.bias': f'{layer}self_attention.in_proj_bias'}
    return {**rewritten(state, top, block), 'heads.head.weight': torch.ones(3, WIDTH), 'heads.head.bias': torch.ones(3)}


def old_torchvision_names(state):
    return torchvision_names(state, 'mlp.linear_1', 'mlp.linear_2')


def mmpretrain_names(state):
    top = dict(
        cls='backbone.cls_token',
        pos='backbone.pos_embed',
        kernel='backbone.patch_embed.projection.weight',
        bias='backbone.patch_embed.projection.bias',
        norm='backbone.ln1.weight',
        shift='backbone.ln1.bias',
    )
    pairs = dict(qkv='attn.qkv', o='attn.proj', a='ln1', b='ln2', up='ffn.layers.0.0', down='ffn.layers.1')
    block = both({key: 'backbone.layers.{i}.' + name for key, name in pairs.items()})
    return {**rewritten(state, top, block), 'head.layers.head.weight': torch.ones(3, WIDTH)}


def jax_names(state):
    """Inputs first; heads by themselves; the patch kernel with its rows and columns first."""
    top = dict(
        cls='cls',
        pos='Transformer/posembed_input/pos_embedding',
        kernel='embedding/kernel',
        bias='embedding/bias',
        norm='Transformer/encoder_norm/scale',
        shift='Transformer/encoder_norm/bias',
    )
    layer = 'Transformer/encoderblock_{i}/'
    attention = f'{layer}MultiHeadDotProductAttention_1/'
    pairs = dict(q='query', k='key', v='value', o='out')
    block = both({key: attention + name for key, name in pairs.items()}, '/kernel', '/bias')
    block |= both(dict(up=f'{layer}MlpBlock_3/Dense_0', down=f'{layer}MlpBlock_3/Dense_1'), '/kernel', '/bias')
    block |= both(dict(a=f'{layer}LayerNorm_0', b=f'{layer}LayerNorm_2'), '/scale', '/bias')
    result = rewritten(state, top, block, fused=False)
    for name, value in result.items():
        if name == 'embedding/kernel':
            result[name] = value.permute(2, 3, 1, 0)
        elif name.endswith(('query/kernel', 'key/kernel', 'value/kernel')):
            result[name] = value.T.unflatten(1, (HEADS, -1))
        elif name.endswith(('query/bias', 'key/bias', 'value/bias')):
            result[name] = value.unflatten(0, (HEADS, -1))
        elif name.endswith('out/kernel'):
            result[name] = value.T.unflatten(0, (HEADS, -1))
        elif name.endswith('/kernel'):
            result[name] = value.T
    result = {name: value.contiguous() for name, value in result.items()}
    return {**result, 'head/kernel': torch.ones(WIDTH, 3), 'head/bias': torch.ones(3), 'pre_logits/bias': torch.ones(3)}


def in_modules(model: nn.Module, folder) -> dict[str, Tensor]:
    """Take the names that the modules have in memory."""
    return model.state_dict()


def hf_reference(
    kind: str, drops: int, source: str = 'hf', settings: dict = {}, names: Callable = saved, **arguments
) -> Callable:
    def make(tmp_path) -> Reference:
        model = hf_vit(kind, **settings)
        encoder = model.base_model
        return Reference(
            names(model, tmp_path),
            vit(**arguments),
            lambda x: patches(encoder(x).last_hidden_state),
            drops,
            source,
        )

    return make


def dinov2_authors(tmp_path) -> Reference:
    """DINOv2's authors: timm's names but for the registers; HF's numbers."""
    model = hf_vit('Dinov2WithRegistersModel', num_register_tokens=3)
    result = dinov2_authors_state(saved(model, tmp_path))
    arguments = vit(num_registers=3, layer_scale=1.0)
    return Reference(result, arguments, lambda x: patches(model(x).last_hidden_state), 1, 'dinov2')


def dinov2_authors_state(state: dict[str, Tensor]) -> dict[str, Tensor]:
    result = {
        'register_tokens': state['embeddings.register_tokens'],
        'mask_token': state['embeddings.mask_token'],
        'cls_token': state['embeddings.cls_token'],
        'pos_embed': state['embeddings.position_embeddings'],
        'patch_embed.proj.weight': state['embeddings.patch_embeddings.projection.weight'],
        'patch_embed.proj.bias': state['embeddings.patch_embeddings.projection.bias'],
        'norm.weight': state['layernorm.weight'],
        'norm.bias': state['layernorm.bias'],
    }
    for index in range(DEPTH):
        theirs, ours = f'encoder.layer.{index}.', f'blocks.{index}.'
        result |= {f'{ours}ls{n}.gamma': state[f'{theirs}layer_scale{n}.lambda1'] for n in (1, 2)}
        for kind in ('weight', 'bias'):
            parts = [state[f'{theirs}attention.attention.{name}.{kind}'] for name in ('query', 'key', 'value')]
            result[f'{ours}attn.qkv.{kind}'] = torch.cat(parts)
            result[f'{ours}attn.proj.{kind}'] = state[f'{theirs}attention.output.dense.{kind}']
            same = {
                f'{ours}{name}.{kind}': f'{theirs}{name}.{kind}' for name in ('norm1', 'norm2', 'mlp.fc1', 'mlp.fc2')
            }
            result |= {name: state[other] for name, other in same.items()}
    return result


def dinov2_teacher(tmp_path) -> Reference:
    """A training file's teacher: the encoder beside its heads."""
    reference = dinov2_authors(tmp_path)
    reference.state = {f'backbone.{name}': value for name, value in reference.state.items()}
    reference.state['dino_head.mlp.0.weight'] = torch.ones(2, 2)
    reference.drops += 1
    return reference


def deit3_authors(tmp_path) -> Reference:
    """Layer scale under older names, and no position of the class token; HF's numbers, in which that position is zero."""
    model = hf_vit('Dinov2WithRegistersModel', num_register_tokens=1)
    with torch.no_grad():
        model.embeddings.position_embeddings[:, 0] = 0
    state = dinov2_authors_state(saved(model, tmp_path))
    del state['mask_token']
    state['pos_embed'] = state['pos_embed'][:, 1:]
    state['reg_token'] = state.pop('register_tokens')
    old = {f'.ls{number}.gamma': f'.gamma_{number}' for number in (1, 2)}
    for name in list(state):
        for new, older in old.items():
            if name.endswith(new):
                state[name.removesuffix(new) + older] = state.pop(name)
    arguments = vit(num_registers=1, layer_scale=1.0)
    return Reference({**state, **HEAD}, arguments, lambda x: patches(model(x).last_hidden_state), 2, 'deit')


def deit_authors(tmp_path) -> Reference:
    """A distilled DeiT under timm's names; HF's numbers."""
    model = hf_vit('DeiTForImageClassificationWithTeacher')
    state = {name.replace('deit.', 'vit.', 1): value for name, value in saved(model, tmp_path).items()}
    result = {
        **rewritten(state, TIMM_TOP, TIMM_BLOCK),
        **HEAD,
        'dist_token': state['vit.embeddings.distillation_token'],
    }
    result |= {'head_dist.weight': torch.ones(3, WIDTH), 'head_dist.bias': torch.ones(3)}
    return Reference(result, vit(num_registers=1), lambda x: patches(model.deit(x).last_hidden_state), 4, 'deit')


def host_reference(name: str, **arguments) -> Callable:
    def make(tmp_path) -> Reference:
        model = randomise(MODELS.build(dict(type=f'mmseg.{name}', **arguments)))
        ours = {key: value for key, value in arguments.items() if key != 'patch_bias'}
        drops = int(arguments.get('with_cls_token') is False)
        return Reference(model.state_dict(), dict(type=f'mmseg_vitseg.{name}', **ours), model, drops, 'mmseg')

    return make


def hf_segformer(kind: str = 'SegformerForSemanticSegmentation') -> nn.Module:
    return hf(
        kind,
        depths=list(MIT['num_layers']),
        hidden_sizes=MIT_HEAD['in_channels'],
        num_attention_heads=list(MIT['num_heads']),
        decoder_hidden_size=MIT_HEAD['channels'],
        num_labels=MIT_HEAD['num_classes'],
    )


SEGFORMER = dict(
    type='mmseg_vitseg.EncoderDecoder',
    backbone=mit(),
    decode_head=dict(MIT_HEAD, type='mmseg_vitseg.SegformerHead', linear_projection=True),
)


def hf_mae(tmp_path) -> Reference:
    """ViT-MAE, asked to leave out no patch and to keep their order."""
    decoder = dict(decoder_hidden_size=8, decoder_num_hidden_layers=1, decoder_num_attention_heads=2)
    model = hf_vit('ViTMAEForPreTraining', mask_ratio=0.0, **decoder, decoder_intermediate_size=8)
    state = saved(model, tmp_path)
    order = torch.arange((SIDE // PATCH) ** 2.0)

    def expected(images: Tensor) -> Tensor:
        return patches(model.vit(images, noise=order.expand(len(images), -1)).last_hidden_state)

    return Reference(state, vit(), expected, sum(name.startswith('decoder.') for name in state), 'hf')


def hf_segformer_whole(tmp_path, names: Callable = saved) -> Reference:
    model = hf_segformer()
    return Reference(names(model, tmp_path), SEGFORMER, lambda x: model(x).logits, 0, 'hf')


def segformer_authors(tmp_path, whole: bool = True) -> Reference:
    """The SegFormer authors' names; HF's numbers."""
    model = hf_segformer()
    state, result = saved(model, tmp_path), {}
    for s, depth in enumerate(MIT['num_layers']):
        for kind in ('weight', 'bias'):
            encoder = 'segformer.encoder.'
            result |= {
                f'patch_embed{s + 1}.proj.{kind}': state[f'{encoder}patch_embeddings.{s}.proj.{kind}'],
                f'patch_embed{s + 1}.norm.{kind}': state[f'{encoder}patch_embeddings.{s}.layer_norm.{kind}'],
                f'norm{s + 1}.{kind}': state[f'{encoder}layer_norm.{s}.{kind}'],
            }
            for i in range(depth):
                theirs, hfs = f'block{s + 1}.{i}.', f'{encoder}block.{s}.{i}.'
                kv = [state[f'{hfs}attention.self.{name}.{kind}'] for name in ('key', 'value')]
                pairs = {
                    'norm1': 'layer_norm_1',
                    'norm2': 'layer_norm_2',
                    'attn.q': 'attention.self.query',
                    'attn.proj': 'attention.output.dense',
                    'attn.sr': 'attention.self.sr',
                    'attn.norm': 'attention.self.layer_norm',
                    'mlp.fc1': 'mlp.dense1',
                    'mlp.dwconv.dwconv': 'mlp.dwconv.dwconv',
                    'mlp.fc2': 'mlp.dense2',
                }
                found = {a: f'{hfs}{b}.{kind}' for a, b in pairs.items()}
                result |= {f'{theirs}{a}.{kind}': state[b] for a, b in found.items() if b in state}
                result[f'{theirs}attn.kv.{kind}'] = torch.cat(kv)
    if not whole:
        return Reference(
            {**result, **HEAD}, mit(), lambda x: model.segformer(x, output_hidden_states=True).hidden_states, 2
        )
    result = {f'backbone.{name}': value for name, value in result.items()}
    head = 'decode_head.'
    for kind in ('weight', 'bias'):
        for s in range(4):
            result[f'{head}linear_c{s + 1}.proj.{kind}'] = state[f'{head}linear_c.{s}.proj.{kind}']
        result[f'{head}linear_pred.{kind}'] = state[f'{head}classifier.{kind}']
        result[f'{head}conv_seg.{kind}'] = torch.ones(5)  # of the host's base class, unused
    result[f'{head}linear_fuse.conv.weight'] = state[f'{head}linear_fuse.weight']
    for kind in ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'):
        result[f'{head}linear_fuse.bn.{kind}'] = state[f'{head}batch_norm.{kind}']
    return Reference(result, SEGFORMER, lambda x: model(x).logits, 2, 'segformer')


REFERENCES: dict[str, Callable] = {
    'timm': vit_reference(timm_names, 'timm', 2),
    'mae': vit_reference(mae_names, 'mae', 6),
    'dino': vit_reference(dino_teacher_names, 'timm', 2),
    'torchvision': vit_reference(torchvision_names, 'torchvision', 2),
    'torchvision-published': vit_reference(old_torchvision_names, 'torchvision', 2),
    'mmpretrain': vit_reference(mmpretrain_names, 'mmpretrain', 1),
    'jax': vit_reference(jax_names, 'jax', 3),
    'deit': deit_authors,
    'deit3': deit3_authors,
    'dinov2': dinov2_authors,
    'dinov2-teacher': dinov2_teacher,
    'hf-vit': hf_reference('ViTForImageClassification', 2),
    'hf-vit-model': hf_reference('ViTModel', 2),
    'hf-deit': hf_reference('DeiTForImageClassificationWithTeacher', 4, num_registers=1),
    'hf-dinov2': hf_reference('Dinov2Model', 1, layer_scale=1.0),
    'hf-dinov2-registers': hf_reference(
        'Dinov2WithRegistersForImageClassification',
        3,
        settings=dict(num_register_tokens=3),
        layer_scale=1.0,
        num_registers=3,
    ),
    'hf-segformer': hf_segformer_whole,
    'hf-mae': hf_mae,
    'hf-vit-modules': hf_reference('ViTForImageClassification', 2, names=in_modules),
    'hf-deit-modules': hf_reference('DeiTForImageClassificationWithTeacher', 4, names=in_modules, num_registers=1),
    'hf-dinov2-modules': hf_reference('Dinov2Model', 1, names=in_modules, layer_scale=1.0),
    'hf-segformer-modules': lambda tmp_path: hf_segformer_whole(tmp_path, in_modules),
    'host-vit': host_reference('VisionTransformer', **SIZES, patch_bias=True, final_norm=True),
    'host-vit-defaults': host_reference('VisionTransformer', **SIZES, with_cls_token=False, qkv_bias=False),
    'host-mit': host_reference('MixVisionTransformer', **MIT),
    'segformer': segformer_authors,
    'segformer-imagenet': lambda tmp_path: segformer_authors(tmp_path, whole=False),
}


@pytest.fixture(params=REFERENCES)
def reference(request, tmp_path) -> Reference:
    """Each format in turn."""
    folder = tmp_path / 'reference'
    folder.mkdir()
    return REFERENCES[request.param](folder)


@pytest.fixture
def make_reference(tmp_path):
    """One format, by name."""

    def make(name: str) -> Reference:
        folder = tmp_path / f'reference-{name}'
        folder.mkdir()
        return REFERENCES[name](folder)

    return make


@pytest.fixture
def images() -> Tensor:
    return torch.randn(2, 3, SIDE, SIDE)
