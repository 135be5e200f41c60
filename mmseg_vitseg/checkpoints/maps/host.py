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
    'patch_embed.projection.{kind}': 'patch_embed.proj.{kind}',
    'layers.{i}.ln1.{kind}': 'blocks.{i}.norm1.{kind}',
    'layers.{i}.attn.attn.in_proj_{kind}': 'blocks.{i}.attn.qkv.{kind}',
    'layers.{i}.attn.attn.out_proj.{kind}': 'blocks.{i}.attn.proj.{kind}',
    'layers.{i}.ln2.{kind}': 'blocks.{i}.norm2.{kind}',
    'layers.{i}.ffn.layers.0.0.{kind}': 'blocks.{i}.mlp.fc1.{kind}',
    'layers.{i}.ffn.layers.1.{kind}': 'blocks.{i}.mlp.fc2.{kind}',
    'ln1.{kind}': 'norm.{kind}',
}

# {s} is a stage's number. Queries, keys and values stand in one tensor; here queries, and keys with values.
MIX_VISION_TRANSFORMER: Table = {
    'layers.{s}.0.projection.{kind}': 'stages.{s}.patch_embed.proj.{kind}',
    'layers.{s}.0.norm.{kind}': 'stages.{s}.patch_embed.norm.{kind}',
    'layers.{s}.1.{i}.norm1.{kind}': 'stages.{s}.blocks.{i}.norm1.{kind}',
    'layers.{s}.1.{i}.attn.attn.in_proj_{kind}': (
        'stages.{s}.blocks.{i}.attn.q.{kind}',
        'stages.{s}.blocks.{i}.attn.kv.{kind}',
    ),
    'layers.{s}.1.{i}.attn.attn.out_proj.{kind}': 'stages.{s}.blocks.{i}.attn.proj.{kind}',
    'layers.{s}.1.{i}.attn.sr.{kind}': 'stages.{s}.blocks.{i}.attn.sr.{kind}',
    'layers.{s}.1.{i}.attn.norm.{kind}': 'stages.{s}.blocks.{i}.attn.norm.{kind}',
    'layers.{s}.1.{i}.norm2.{kind}': 'stages.{s}.blocks.{i}.norm2.{kind}',
    'layers.{s}.1.{i}.ffn.layers.0.weight': 'stages.{s}.blocks.{i}.mlp.fc1.weight',
    'layers.{s}.1.{i}.ffn.layers.0.bias': 'stages.{s}.blocks.{i}.mlp.fc1.bias',
    'layers.{s}.1.{i}.ffn.layers.1.{kind}': 'stages.{s}.blocks.{i}.mlp.dwconv.{kind}',
    'layers.{s}.1.{i}.ffn.layers.4.weight': 'stages.{s}.blocks.{i}.mlp.fc2.weight',
    'layers.{s}.1.{i}.ffn.layers.4.bias': 'stages.{s}.blocks.{i}.mlp.fc2.bias',
    'layers.{s}.2.{kind}': 'stages.{s}.norm.{kind}',
}

MMPRETRAIN: Table = {
    **{theirs: ours for theirs, ours in VISION_TRANSFORMER.items() if '.attn.' not in theirs},
    'dist_token': 'dist_token',
    'layers.{i}.attn.qkv.{kind}': 'blocks.{i}.attn.qkv.{kind}',
    'layers.{i}.attn.proj.{kind}': 'blocks.{i}.attn.proj.{kind}',
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
