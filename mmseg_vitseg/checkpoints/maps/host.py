"""The host's and mmpretrain's backbones, by themselves or inside a whole model; the host's heads keep their names.

- The host has no bias after its attention where ``qkv_bias`` is off, nor, by default, in its ViT's patch embedding: such a
  bias is zero here.
- Its ViT keeps a class token, and a position for it, that it does not use under ``with_cls_token=False``.
"""

from mmseg_vitseg.checkpoints.maps.forms import register_from_distillation, to_linear, to_pointwise
from mmseg_vitseg.checkpoints.maps.source import HEADS, Source
from mmseg_vitseg.checkpoints.names import Table

# {i} is a block's number.
VISION_TRANSFORMER: Table = {
    'cls_token': 'cls_token',
    'pos_embed': 'pos_embed',
    'patch_embed.projection.weight': 'patch_embed.proj.weight',
    'patch_embed.projection.bias': 'patch_embed.proj.bias',
    'layers.{i}.ln1.weight': 'blocks.{i}.norm1.weight',
    'layers.{i}.ln1.bias': 'blocks.{i}.norm1.bias',
    'layers.{i}.attn.attn.in_proj_weight': 'blocks.{i}.attn.qkv.weight',
    'layers.{i}.attn.attn.in_proj_bias': 'blocks.{i}.attn.qkv.bias',
    'layers.{i}.attn.attn.out_proj.weight': 'blocks.{i}.attn.proj.weight',
    'layers.{i}.attn.attn.out_proj.bias': 'blocks.{i}.attn.proj.bias',
    'layers.{i}.ln2.weight': 'blocks.{i}.norm2.weight',
    'layers.{i}.ln2.bias': 'blocks.{i}.norm2.bias',
    'layers.{i}.ffn.layers.0.0.weight': 'blocks.{i}.mlp.fc1.weight',
    'layers.{i}.ffn.layers.0.0.bias': 'blocks.{i}.mlp.fc1.bias',
    'layers.{i}.ffn.layers.1.weight': 'blocks.{i}.mlp.fc2.weight',
    'layers.{i}.ffn.layers.1.bias': 'blocks.{i}.mlp.fc2.bias',
    'ln1.weight': 'norm.weight',
    'ln1.bias': 'norm.bias',
}

# {s} is a stage's number. Queries, keys and values stand in one tensor; here queries, and keys with values.
MIX_VISION_TRANSFORMER: Table = {
    'layers.{s}.0.projection.weight': 'stages.{s}.patch_embed.proj.weight',
    'layers.{s}.0.projection.bias': 'stages.{s}.patch_embed.proj.bias',
    'layers.{s}.0.norm.weight': 'stages.{s}.patch_embed.norm.weight',
    'layers.{s}.0.norm.bias': 'stages.{s}.patch_embed.norm.bias',
    'layers.{s}.1.{i}.norm1.weight': 'stages.{s}.blocks.{i}.norm1.weight',
    'layers.{s}.1.{i}.norm1.bias': 'stages.{s}.blocks.{i}.norm1.bias',
    'layers.{s}.1.{i}.attn.attn.in_proj_weight': (
        'stages.{s}.blocks.{i}.attn.q.weight',
        'stages.{s}.blocks.{i}.attn.kv.weight',
    ),
    'layers.{s}.1.{i}.attn.attn.in_proj_bias': (
        'stages.{s}.blocks.{i}.attn.q.bias',
        'stages.{s}.blocks.{i}.attn.kv.bias',
    ),
    'layers.{s}.1.{i}.attn.attn.out_proj.weight': 'stages.{s}.blocks.{i}.attn.proj.weight',
    'layers.{s}.1.{i}.attn.attn.out_proj.bias': 'stages.{s}.blocks.{i}.attn.proj.bias',
    'layers.{s}.1.{i}.attn.sr.weight': 'stages.{s}.blocks.{i}.attn.sr.weight',
    'layers.{s}.1.{i}.attn.sr.bias': 'stages.{s}.blocks.{i}.attn.sr.bias',
    'layers.{s}.1.{i}.attn.norm.weight': 'stages.{s}.blocks.{i}.attn.norm.weight',
    'layers.{s}.1.{i}.attn.norm.bias': 'stages.{s}.blocks.{i}.attn.norm.bias',
    'layers.{s}.1.{i}.norm2.weight': 'stages.{s}.blocks.{i}.norm2.weight',
    'layers.{s}.1.{i}.norm2.bias': 'stages.{s}.blocks.{i}.norm2.bias',
    'layers.{s}.1.{i}.ffn.layers.0.weight': 'stages.{s}.blocks.{i}.mlp.fc1.weight',
    'layers.{s}.1.{i}.ffn.layers.0.bias': 'stages.{s}.blocks.{i}.mlp.fc1.bias',
    'layers.{s}.1.{i}.ffn.layers.1.weight': 'stages.{s}.blocks.{i}.mlp.dwconv.weight',
    'layers.{s}.1.{i}.ffn.layers.1.bias': 'stages.{s}.blocks.{i}.mlp.dwconv.bias',
    'layers.{s}.1.{i}.ffn.layers.4.weight': 'stages.{s}.blocks.{i}.mlp.fc2.weight',
    'layers.{s}.1.{i}.ffn.layers.4.bias': 'stages.{s}.blocks.{i}.mlp.fc2.bias',
    'layers.{s}.2.weight': 'stages.{s}.norm.weight',
    'layers.{s}.2.bias': 'stages.{s}.norm.bias',
}

MMPRETRAIN: Table = {
    **{theirs: ours for theirs, ours in VISION_TRANSFORMER.items() if '.attn.' not in theirs},
    'dist_token': 'dist_token',
    'layers.{i}.attn.qkv.weight': 'blocks.{i}.attn.qkv.weight',
    'layers.{i}.attn.qkv.bias': 'blocks.{i}.attn.qkv.bias',
    'layers.{i}.attn.proj.weight': 'blocks.{i}.attn.proj.weight',
    'layers.{i}.attn.proj.bias': 'blocks.{i}.attn.proj.bias',
    'layers.{i}.attn.gamma1.weight': 'blocks.{i}.ls1.gamma',
    'layers.{i}.ffn.gamma2.weight': 'blocks.{i}.ls2.gamma',
}

BIAS_LEFT_OUT = ('patch_embed.proj.weight', '.attn.proj.weight')

SOURCES = (
    Source(
        name='mmseg',
        what="the host's ViT",
        encoder=VISION_TRANSFORMER,
        marks=('patch_embed.projection.weight', 'layers.0.attn.attn.in_proj_weight'),
        prefixes=('', 'backbone.'),
        head=HEADS,
        unused=('cls_token',),
        no_bias=BIAS_LEFT_OUT,
    ),
    Source(
        name='mmseg',
        what="the host's MiT",
        encoder=MIX_VISION_TRANSFORMER,
        marks=('layers.0.0.projection.weight', 'layers.0.1.0.attn.attn.in_proj_weight'),
        prefixes=('', 'backbone.'),
        head=HEADS,
        no_bias=BIAS_LEFT_OUT,
        forms={  # linear layers that the host has as 1x1 convolutions
            'layers.{s}.1.{i}.ffn.layers.0.weight': (to_linear, to_pointwise),
            'layers.{s}.1.{i}.ffn.layers.4.weight': (to_linear, to_pointwise),
        },
    ),
    Source(
        name='mmpretrain',
        what="mmpretrain's ViT",
        encoder=MMPRETRAIN,
        marks=('patch_embed.projection.weight', 'layers.0.attn.qkv.weight'),
        prefixes=('', 'backbone.'),
        absent=('decode_head.',),
        # ln2 norms the average over the patches; neck and head are those of classifying and of pre-training
        drop=('head.{rest}', 'neck.{rest}', 'data_preprocessor.{rest}', 'ln2.{rest}', 'mask_token'),
        no_bias=BIAS_LEFT_OUT,
        finish=register_from_distillation,
    ),
)
