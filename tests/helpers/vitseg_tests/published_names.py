"""The names of published files, written out by hand from their authors' public files: nothing is taken from our maps.

{w} weight or bias, {k} kernel or bias, {l} scale or bias; {i} a block's number, {s} a stage's, {t} a stage's counted from 1.
"""

from itertools import product

import torch
from torch import Tensor

Row = tuple[str | tuple[str, ...], ...]
KINDS = dict(w='weight', k='kernel', l='scale'), dict(w='bias', k='bias', l='bias')
FIELDS = [dict(kind, i=i, s=s, t=s + 1) for kind, i, s in product(KINDS, range(2), range(4))]


def names(stem: Row, block: str, *parts: str | tuple[str, ...]) -> Row:
    """Put what stands before a block's names before its parts."""
    return (*stem, *(block + one if isinstance(one, str) else tuple(block + name for name in one) for one in parts))


def rewritten(state: dict[str, Tensor], theirs: Row, ours: Row) -> dict[str, Tensor]:
    """Write weights under other names, row by row; several of theirs in one of ours one below the other."""
    result = {}
    for fields, (old, new) in product(FIELDS, list(zip(theirs, ours, strict=True))):
        olds = [name.format(**fields) for name in ((old,) if isinstance(old, str) else old)]
        if all(name in state for name in olds):
            tensors = [state[name] for name in olds]
            if isinstance(new, str):
                result[new.format(**fields)] = torch.cat(tensors) if len(tensors) > 1 else tensors[0]
            else:
                result |= {name.format(**fields): tensor for name, tensor in zip(new, tensors, strict=True)}
    return result


# --- ViT: class token, positions, patches, last norm; of a block: q with k and v, output, norms, MLP
HF_STEM = ('embeddings.cls_token', 'embeddings.position_embeddings', 'embeddings.patch_embeddings.projection.{w}')
HF_QKV = tuple(f'attention.attention.{name}.{{w}}' for name in ('query', 'key', 'value'))
HF_VIT = names(
    (*HF_STEM, 'layernorm.{w}'),
    'encoder.layer.{i}.',
    *(HF_QKV, 'attention.output.dense.{w}', 'layernorm_before.{w}', 'layernorm_after.{w}'),
    *('intermediate.dense.{w}', 'output.dense.{w}'),
)
TIMM_STEM = ('cls_token', 'pos_embed', 'patch_embed.proj.{w}', 'norm.{w}')
TIMM_PARTS = ('attn.qkv.{w}', 'attn.proj.{w}', 'norm1.{w}', 'norm2.{w}', 'mlp.fc1.{w}', 'mlp.fc2.{w}')
TIMM = names(TIMM_STEM, 'blocks.{i}.', *TIMM_PARTS)
TORCHVISION_PUBLISHED = names(
    ('class_token', 'encoder.pos_embedding', 'conv_proj.{w}', 'encoder.ln.{w}'),
    'encoder.layers.encoder_layer_{i}.',
    *('self_attention.in_proj_{w}', 'self_attention.out_proj.{w}', 'ln_1.{w}', 'ln_2.{w}'),
    *('mlp.linear_1.{w}', 'mlp.linear_2.{w}'),
)
TORCHVISION = (*TORCHVISION_PUBLISHED[:-2], *(f'encoder.layers.encoder_layer_{{i}}.mlp.{n}.{{w}}' for n in (0, 3)))
MMPRETRAIN = names(
    tuple(f'backbone.{name}' for name in ('cls_token', 'pos_embed', 'patch_embed.projection.{w}', 'ln1.{w}')),
    'backbone.layers.{i}.',
    *('attn.qkv.{w}', 'attn.proj.{w}', 'ln1.{w}', 'ln2.{w}', 'ffn.layers.0.0.{w}', 'ffn.layers.1.{w}'),
)
JAX = names(
    ('cls', 'Transformer/posembed_input/pos_embedding', 'embedding/{k}', 'Transformer/encoder_norm/{l}'),
    'Transformer/encoderblock_{i}/',
    tuple(f'MultiHeadDotProductAttention_1/{name}/{{k}}' for name in ('query', 'key', 'value')),
    *('MultiHeadDotProductAttention_1/out/{k}', 'LayerNorm_0/{l}', 'LayerNorm_2/{l}'),
    *('MlpBlock_3/Dense_0/{k}', 'MlpBlock_3/Dense_1/{k}'),
)

# --- DINOv2, and its authors': the same with registers, the mask token and layer scale
HF_DINOV2 = names(
    (*HF_STEM, 'layernorm.{w}', 'embeddings.register_tokens', 'embeddings.mask_token'),
    'encoder.layer.{i}.',
    *(HF_QKV, 'attention.output.dense.{w}', 'norm1.{w}', 'norm2.{w}', 'mlp.fc1.{w}', 'mlp.fc2.{w}'),
    *('layer_scale1.lambda1', 'layer_scale2.lambda1'),
)
DINOV2 = names((*TIMM_STEM, 'register_tokens', 'mask_token'), 'blocks.{i}.', *TIMM_PARTS, 'ls1.gamma', 'ls2.gamma')
DEIT3 = names((*TIMM_STEM, 'reg_token', 'mask_token'), 'blocks.{i}.', *TIMM_PARTS, 'gamma_1', 'gamma_2')

# --- EoMT, by Hugging Face and by its authors: on DINOv2, where these have timm's names, and on DINOv3, Hugging Face's
EOMT_QKV = tuple(f'attention.{name}_proj.{{w}}' for name in 'qkv')
SCALES = ('layer_scale1.lambda1', 'layer_scale2.lambda1')
HF_EOMT = names(
    (
        *(
            'embeddings.cls_token',
            'embeddings.position_embeddings.weight',
            'embeddings.patch_embeddings.projection.{w}',
        ),
        *('layernorm.{w}', 'embeddings.register_tokens'),
    ),
    'layers.{i}.',
    *(EOMT_QKV, 'attention.out_proj.{w}', 'norm1.{w}', 'norm2.{w}', 'mlp.fc1.{w}', 'mlp.fc2.{w}', *SCALES),
)
EOMT = tuple(
    f'network.encoder.backbone.{name}'
    for name in names((*TIMM_STEM, 'reg_token'), 'blocks.{i}.', *TIMM_PARTS, 'ls1.gamma', 'ls2.gamma')
)
DINOV3_PARTS = (
    *('norm1.{w}', 'norm2.{w}', 'attention.q_proj.{w}', 'attention.k_proj.weight', 'attention.v_proj.{w}'),
    *('attention.o_proj.{w}', *SCALES, 'mlp.gate_proj.{w}', 'mlp.up_proj.{w}', 'mlp.down_proj.{w}'),
)
DINOV3_STEM = ('cls_token', 'register_tokens', 'patch_embeddings.{w}')
HF_EOMT_DINOV3 = names((*(f'embeddings.{one}' for one in DINOV3_STEM), 'layernorm.{w}'), 'layers.{i}.', *DINOV3_PARTS)
HF_DINOV3 = names((*(f'embeddings.{one}' for one in DINOV3_STEM), 'norm.{w}'), 'layer.{i}.', *DINOV3_PARTS)
EOMT_DINOV3 = tuple(
    f'network.encoder.backbone.{name}'
    for name in names((*(f'patch_embed.{one}' for one in DINOV3_STEM), 'norm.{w}'), 'blocks.{i}.', *DINOV3_PARTS)
)
HF_EOMT_HEAD = names(
    ('query.weight', 'class_predictor.{w}', 'mask_head.fc1.{w}', 'mask_head.fc2.{w}', 'mask_head.fc3.{w}'),
    'upscale_block.block.{i}.',
    *('conv1.{w}', 'conv2.weight', 'layernorm2d.{w}'),
)
EOMT_HEAD = tuple(
    f'network.{name}'
    for name in names(
        ('q.weight', 'class_head.{w}', 'mask_head.0.{w}', 'mask_head.2.{w}', 'mask_head.4.{w}'),
        'upscale.{i}.',
        *('conv1.{w}', 'conv2.weight', 'norm.{w}'),
    )
)

# --- SegFormer, and its authors': patches with their norm, last norm; of a block: norms, attention, MLP
HF_SEGFORMER = names(
    (
        'encoder.patch_embeddings.{s}.proj.{w}',
        'encoder.patch_embeddings.{s}.layer_norm.{w}',
        'encoder.layer_norm.{s}.{w}',
    ),
    'encoder.block.{s}.{i}.',
    *('layer_norm_1.{w}', 'layer_norm_2.{w}', 'attention.self.query.{w}', 'attention.output.dense.{w}'),
    ('attention.self.key.{w}', 'attention.self.value.{w}'),
    *(
        'attention.self.sr.{w}',
        'attention.self.layer_norm.{w}',
        'mlp.dense1.{w}',
        'mlp.dwconv.dwconv.{w}',
        'mlp.dense2.{w}',
    ),
)
SEGFORMER = names(
    ('patch_embed{t}.proj.{w}', 'patch_embed{t}.norm.{w}', 'norm{t}.{w}'),
    'block{t}.{i}.',
    *('norm1.{w}', 'norm2.{w}', 'attn.q.{w}', 'attn.proj.{w}', 'attn.kv.{w}'),
    *('attn.sr.{w}', 'attn.norm.{w}', 'mlp.fc1.{w}', 'mlp.dwconv.dwconv.{w}', 'mlp.fc2.{w}'),
)
STATISTICS = ('running_mean', 'running_var', 'num_batches_tracked')
HF_SEGFORMER_HEAD = (
    *('decode_head.linear_c.{s}.proj.{w}', 'decode_head.classifier.{w}', 'decode_head.linear_fuse.weight'),
    *('decode_head.batch_norm.{w}', *(f'decode_head.batch_norm.{kind}' for kind in STATISTICS)),
)
SEGFORMER_HEAD = (
    *('decode_head.linear_c{t}.proj.{w}', 'decode_head.linear_pred.{w}', 'decode_head.linear_fuse.conv.weight'),
    *('decode_head.linear_fuse.bn.{w}', *(f'decode_head.linear_fuse.bn.{kind}' for kind in STATISTICS)),
)
