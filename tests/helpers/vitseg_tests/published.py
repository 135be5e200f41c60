"""Small random models that none of us wrote, and their weights under the names of every source."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from vitseg_tests import published_names as names
from vitseg_tests.published_names import Row, rewritten
from vitseg_tests.weights import randomise

WIDTH, DEPTH, HEADS, PATCH, SIDE = 24, 2, 4, 8, 32
SIZES = dict(embed_dims=WIDTH, num_layers=DEPTH, num_heads=HEADS, patch_size=PATCH, img_size=SIDE)
VIT = dict(type='mmseg_vitseg.VisionTransformer', **SIZES, final_norm=True, norm_cfg=dict(type='LN', eps=1e-6))
LINEAR_HEAD = dict(type='mmseg_vitseg.LinearPatchHead', in_channels=WIDTH, num_classes=3, patch_size=PATCH)
MIT_SIZES = dict(embed_dims=8, num_layers=(1, 2, 1, 1), num_heads=(1, 2, 3, 4))
MIT = dict(type='mmseg_vitseg.MixVisionTransformer', **MIT_SIZES, norm_cfg=dict(type='LN', eps=1e-5))
LEVELS = dict(in_channels=[8, 16, 24, 32], in_index=[0, 1, 2, 3], channels=16, num_classes=5, norm_cfg=dict(type='BN'))
SEGFORMER_HEAD = dict(LEVELS, type='mmseg_vitseg.SegformerHead', linear_projection=True)
SEGFORMER = dict(type='mmseg_vitseg.EncoderDecoder', backbone=MIT, decode_head=SEGFORMER_HEAD)
CLASSIFIER = {'head.weight': torch.ones(3, WIDTH), 'head.bias': torch.ones(3)}


@dataclass
class Reference:
    """A published format: weights, what model of ours has them, and what the reference computes from images."""

    state: dict[str, Tensor]
    model: dict
    expected: Callable[[Tensor], Tensor | tuple]
    drops: int = 0  # tensors of the state that no model uses
    source: str = ''


def segmentor(backbone: dict = VIT, **changes) -> dict:
    """Return a small segmentor of ours; changes are those of its backbone."""
    return dict(type='mmseg_vitseg.EncoderDecoder', backbone={**backbone, **changes}, decode_head=LINEAR_HEAD)


def small_images() -> Tensor:
    return torch.randn(2, 3, SIDE, SIDE)


def hf(kind: str, **settings) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        transformers = pytest.importorskip('transformers', reason='no transformers to compare with')
        config = kind.replace('Model', '').split('For')[0] + 'Config'
        return randomise(getattr(transformers, kind)(getattr(transformers, config)(**settings)))


def hf_vit(kind: str, **settings) -> nn.Module:
    sizes = dict(hidden_size=WIDTH, num_hidden_layers=DEPTH, num_attention_heads=HEADS, intermediate_size=4 * WIDTH)
    return hf(kind, image_size=SIDE, patch_size=PATCH, layer_norm_eps=1e-6, **sizes, **settings)


def hf_segformer() -> nn.Module:
    return hf(
        'SegformerForSemanticSegmentation',
        depths=list(MIT_SIZES['num_layers']),
        hidden_sizes=LEVELS['in_channels'],
        num_attention_heads=list(MIT_SIZES['num_heads']),
        decoder_hidden_size=LEVELS['channels'],
        num_labels=LEVELS['num_classes'],
    )


def saved(model: nn.Module, folder: Path) -> dict[str, Tensor]:
    """Save as Hugging Face does and read back: the names of its files are not those of its modules."""
    from safetensors.torch import load_file

    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        model.save_pretrained(folder)
    return load_file(folder / 'model.safetensors')


def in_modules(model: nn.Module, folder: Path) -> dict[str, Tensor]:
    """Take the names that the modules have in memory."""
    return model.state_dict()


def encoder_of(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Take off what files of HF's classifiers and segmentors have before the encoder's names."""
    prefixes = ('vit.', 'deit.', 'segformer.')
    return {name.removeprefix(next((p for p in prefixes if name.startswith(p)), '')): x for name, x in state.items()}


def map_of(tokens: Tensor) -> Tensor:
    """(B, T + N, D) to (B, D, h, w)."""
    side = SIDE // PATCH
    return tokens[:, -side * side :].transpose(1, 2).unflatten(2, (side, side))


# ----------------------------------------------------------------------------- formats whose numbers are those of HF's ViT


def vit_under(row: Row, source: str, extra: dict[str, Tensor], change: Callable = lambda state: state) -> Callable:
    """Return a format of these names, with tensors that are dropped."""

    def make(folder: Path) -> Reference:
        model = hf_vit('ViTForImageClassification', num_labels=3)
        state = change(rewritten(encoder_of(saved(model, folder)), names.HF_VIT, row)) | extra
        return Reference(state, VIT, lambda x: map_of(model.vit(x).last_hidden_state), len(extra), source)

    return make


def ones(*named: str) -> dict[str, Tensor]:
    return {name: torch.ones(2, 2) for name in named}


def dino_teacher(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f'backbone.{name}': value for name, value in state.items()}


def in_jax(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Inputs first; heads by themselves; the patch kernel with its rows and columns first."""
    changes = {
        'embedding/kernel': lambda x: x.permute(2, 3, 1, 0),
        **{f'{one}/kernel': lambda x: x.T.unflatten(1, (HEADS, -1)) for one in ('query', 'key', 'value')},
        **{f'{one}/bias': lambda x: x.unflatten(0, (HEADS, -1)) for one in ('query', 'key', 'value')},
        'out/kernel': lambda x: x.T.unflatten(0, (HEADS, -1)),
        '/kernel': lambda x: x.T,
    }
    found = {name: next((change for end, change in changes.items() if name.endswith(end)), None) for name in state}
    return {name: found[name](value).contiguous() if found[name] else value for name, value in state.items()}


def hf_file(kind: str, drops: int, settings: dict = {}, written: Callable = saved, **arguments) -> Callable:
    """Return the format of one of HF's ViTs; ``arguments`` are those of our backbone."""

    def make(folder: Path) -> Reference:
        model = hf_vit(kind, **settings)
        encoder = model.base_model
        expected = lambda x: map_of(encoder(x).last_hidden_state)  # noqa: E731
        return Reference(written(model, folder), {**VIT, **arguments}, expected, drops, 'hf')

    return make


def hf_mae(folder: Path) -> Reference:
    """ViT-MAE, asked to leave out no patch and to keep their order."""
    decoder = dict(decoder_hidden_size=8, decoder_num_hidden_layers=1, decoder_num_attention_heads=2)
    model = hf_vit('ViTMAEForPreTraining', mask_ratio=0.0, **decoder, decoder_intermediate_size=8)
    state = saved(model, folder)
    order = torch.arange((SIDE // PATCH) ** 2.0)

    def expected(images: Tensor) -> Tensor:
        return map_of(model.vit(images, noise=order.expand(len(images), -1)).last_hidden_state)

    return Reference(state, VIT, expected, sum(name.startswith('decoder.') for name in state), 'hf')


def deit_authors(folder: Path) -> Reference:
    """A distilled DeiT under timm's names; HF's numbers."""
    model = hf_vit('DeiTForImageClassificationWithTeacher')
    state = encoder_of(saved(model, folder))
    result = rewritten(state, names.HF_VIT, names.TIMM) | CLASSIFIER | ones('head_dist.weight', 'head_dist.bias')
    result['dist_token'] = state['embeddings.distillation_token']
    return Reference(result, dict(VIT, num_registers=1), lambda x: map_of(model.deit(x).last_hidden_state), 4, 'deit')


def dinov2_authors(folder: Path) -> Reference:
    """DINOv2's authors: timm's names but for the registers; HF's numbers."""
    model = hf_vit('Dinov2WithRegistersModel', num_register_tokens=3)
    result = rewritten(saved(model, folder), names.HF_DINOV2, names.DINOV2)
    ours = dict(VIT, num_registers=3, layer_scale=1.0)
    return Reference(result, ours, lambda x: map_of(model(x).last_hidden_state), 1, 'dinov2')


def dinov2_teacher(folder: Path) -> Reference:
    """A training file's teacher: the encoder beside its heads."""
    reference = dinov2_authors(folder)
    reference.state = dino_teacher(reference.state) | ones('dino_head.mlp.0.weight')
    reference.drops += 1
    return reference


def deit3_authors(folder: Path) -> Reference:
    """Layer scale under older names, and no position of the class token; HF's numbers, in which that position is zero."""
    model = hf_vit('Dinov2WithRegistersModel', num_register_tokens=1)
    with torch.no_grad():
        model.embeddings.position_embeddings[:, 0] = 0
    state = rewritten(saved(model, folder), names.HF_DINOV2, names.DEIT3) | CLASSIFIER
    del state['mask_token']
    state['pos_embed'] = state['pos_embed'][:, 1:]
    ours = dict(VIT, num_registers=1, layer_scale=1.0)
    return Reference(state, ours, lambda x: map_of(model(x).last_hidden_state), 2, 'deit')


# ------------------------------------------------------------------------------------------------ the host's, SegFormer's


def host_file(name: str, **arguments) -> Callable:
    def make(folder: Path) -> Reference:
        model = randomise(MODELS.build(dict(type=f'mmseg.{name}', **arguments)))
        ours = {key: value for key, value in arguments.items() if key != 'patch_bias'}
        drops = int(arguments.get('with_cls_token') is False)
        return Reference(model.state_dict(), dict(type=f'mmseg_vitseg.{name}', **ours), model, drops, 'mmseg')

    return make


def hf_segformer_file(folder: Path, written: Callable = saved) -> Reference:
    model = hf_segformer()
    return Reference(written(model, folder), SEGFORMER, lambda x: model(x).logits, 0, 'hf')


def segformer_authors(folder: Path) -> Reference:
    """The SegFormer authors' names, with the classifier of the host's base class, unused; HF's numbers."""
    model = hf_segformer()
    state = encoder_of(saved(model, folder))
    encoder = rewritten(state, names.HF_SEGFORMER, names.SEGFORMER)
    head = rewritten(state, names.HF_SEGFORMER_HEAD, names.SEGFORMER_HEAD)
    result = dino_teacher(encoder) | head | ones('decode_head.conv_seg.weight', 'decode_head.conv_seg.bias')
    return Reference(result, SEGFORMER, lambda x: model(x).logits, 2, 'segformer')


def segformer_authors_encoder(folder: Path) -> Reference:
    """The same encoder trained on ImageNet."""
    model = hf_segformer()
    state = rewritten(encoder_of(saved(model, folder)), names.HF_SEGFORMER, names.SEGFORMER)
    features = lambda x: model.segformer(x, output_hidden_states=True).hidden_states  # noqa: E731
    return Reference(state | CLASSIFIER, MIT, features, 2, 'segformer')


MAE = ones('decoder_embed.weight', 'decoder_blocks.0.norm1.weight', 'decoder_norm.weight', 'decoder_pred.bias')
MAE |= ones('decoder_pos_embed', 'mask_token')
DINO_HEAD = ones('head.mlp.0.weight', 'head.last_layer.weight_g')
TORCHVISION_HEAD = ones('heads.head.weight', 'heads.head.bias')
JAX_HEAD = ones('head/kernel', 'head/bias', 'pre_logits/bias')
DISTILLED, REGISTERS = 'DeiTForImageClassificationWithTeacher', 'Dinov2WithRegistersForImageClassification'
REFERENCES: dict[str, Callable[[Path], Reference]] = {
    'timm': vit_under(names.TIMM, 'timm', CLASSIFIER),
    'mae': vit_under(names.TIMM, 'mae', MAE),
    'dino': vit_under(names.TIMM, 'timm', DINO_HEAD, dino_teacher),
    'torchvision': vit_under(names.TORCHVISION, 'torchvision', TORCHVISION_HEAD),
    'torchvision-published': vit_under(names.TORCHVISION_PUBLISHED, 'torchvision', TORCHVISION_HEAD),
    'mmpretrain': vit_under(names.MMPRETRAIN, 'mmpretrain', ones('head.layers.head.weight')),
    'jax': vit_under(names.JAX, 'jax', JAX_HEAD, in_jax),
    'deit': deit_authors,
    'deit3': deit3_authors,
    'dinov2': dinov2_authors,
    'dinov2-teacher': dinov2_teacher,
    'hf-vit': hf_file('ViTForImageClassification', 2),
    'hf-vit-model': hf_file('ViTModel', 2),
    'hf-deit': hf_file(DISTILLED, 4, num_registers=1),
    'hf-dinov2': hf_file('Dinov2Model', 1, layer_scale=1.0),
    'hf-dinov2-registers': hf_file(REGISTERS, 3, dict(num_register_tokens=3), layer_scale=1.0, num_registers=3),
    'hf-segformer': hf_segformer_file,
    'hf-mae': hf_mae,
    'hf-vit-modules': hf_file('ViTForImageClassification', 2, written=in_modules),
    'hf-deit-modules': hf_file(DISTILLED, 4, written=in_modules, num_registers=1),
    'hf-dinov2-modules': hf_file('Dinov2Model', 1, written=in_modules, layer_scale=1.0),
    'hf-segformer-modules': lambda folder: hf_segformer_file(folder, in_modules),
    'host-vit': host_file('VisionTransformer', **SIZES, patch_bias=True, final_norm=True),
    'host-vit-defaults': host_file('VisionTransformer', **SIZES, with_cls_token=False, qkv_bias=False),
    'host-mit': host_file('MixVisionTransformer', **MIT_SIZES),
    'segformer': segformer_authors,
    'segformer-imagenet': segformer_authors_encoder,
}


def reference_of(name: str, folder: Path) -> Reference:
    """Return a format by name; HF's files are written to a folder of their own in ``folder``."""
    own = folder / f'reference-{name}'
    own.mkdir(exist_ok=True)
    return REFERENCES[name](own)
