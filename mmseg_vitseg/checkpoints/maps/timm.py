"""timm's ViT, and the releases that share its names: DeiT, MAE, DINO and DINOv2 of their authors.

Its names are ours, so each line of the map says so: a name that is on neither side is refused.
"""

from dataclasses import replace

from mmseg_vitseg.checkpoints.maps.forms import register_from_distillation
from mmseg_vitseg.checkpoints.maps.source import SEGMENTOR, Source
from mmseg_vitseg.checkpoints.names import Table

VISION_TRANSFORMER: Table = {
    'cls_token': 'cls_token',
    'reg_token': 'reg_token',
    'pos_embed': 'pos_embed',
    'patch_embed.proj.{kind}': 'patch_embed.proj.{kind}',
    'blocks.{i}.norm1.{kind}': 'blocks.{i}.norm1.{kind}',
    'blocks.{i}.attn.qkv.{kind}': 'blocks.{i}.attn.qkv.{kind}',
    'blocks.{i}.attn.proj.{kind}': 'blocks.{i}.attn.proj.{kind}',
    'blocks.{i}.ls1.gamma': 'blocks.{i}.ls1.gamma',
    'blocks.{i}.norm2.{kind}': 'blocks.{i}.norm2.{kind}',
    'blocks.{i}.mlp.fc1.{kind}': 'blocks.{i}.mlp.fc1.{kind}',
    'blocks.{i}.mlp.fc2.{kind}': 'blocks.{i}.mlp.fc2.{kind}',
    'blocks.{i}.ls2.gamma': 'blocks.{i}.ls2.gamma',
    'norm.{kind}': 'norm.{kind}',
}
DINOV2: Table = {name: ours for name, ours in VISION_TRANSFORMER.items() if name != 'reg_token'}
DINOV2 |= {
    'register_tokens': 'reg_token',
    'blocks.{i}.mlp.w12.{kind}': 'blocks.{i}.mlp.fc1.{kind}',  # of g
    'blocks.{i}.mlp.w3.{kind}': 'blocks.{i}.mlp.fc2.{kind}',
}
# Its training saves blocks in chunks, whose blocks go on counting: blocks.1.6 is the sixth.
CHUNKED: Table = {str(name).replace('blocks.{i}.', 'blocks.{chunk}.{i}.'): ours for name, ours in DINOV2.items()}
# DeiT III's authors: the layer scale under its older names.
DEIT3: Table = {name: ours for name, ours in VISION_TRANSFORMER.items() if '.ls' not in name}
DEIT3 |= {f'blocks.{{i}}.gamma_{number}': f'blocks.{{i}}.ls{number}.gamma' for number in (1, 2)}
# DeiT's distilled models: a second token with a position of its own, which is a register once the position is added to it.
DISTILLED: Table = {**VISION_TRANSFORMER, 'dist_token': 'dist_token'}

MARKS = ('patch_embed.proj.weight', 'blocks.0.attn.qkv.weight')
CLASSIFIER = ('head.{rest}', 'head_dist.{rest}', 'fc_norm.{rest}', 'pre_logits.{rest}')
DINO_HEADS = ('mask_token', 'head.{rest}', 'dino_head.{rest}', 'ibot_head.{rest}')
DECODER = (
    'decoder_embed.{rest}',
    'decoder_pos_embed',
    'decoder_blocks.{rest}',
    'decoder_norm.{rest}',
    'decoder_pred.{rest}',
)


TIMM = Source(
    name='timm',
    what="timm's ViT",
    encoder=VISION_TRANSFORMER,
    marks=MARKS,
    prefixes=('', 'backbone.'),  # DINO's training files have a head beside the backbone
    absent=(
        *SEGMENTOR,
        'dist_token',
        'mask_token',
        'register_tokens',
        'storage_tokens',
        'input_norm.',
        'rope.',
        'blocks.0.gamma_1',
    ),
    drop=CLASSIFIER,
)
DINOV2_AUTHORS = replace(
    TIMM,
    name='dinov2',
    what="DINOv2's authors'",
    encoder=DINOV2,
    marks=(*MARKS, 'mask_token'),
    absent=(*SEGMENTOR, 'decoder_', 'storage_tokens'),
    drop=DINO_HEADS,
)

SOURCES = (
    TIMM,
    replace(
        TIMM,
        name='deit',
        what='a distilled DeiT',
        encoder=DISTILLED,
        marks=(*MARKS, 'dist_token'),
        absent=SEGMENTOR,
        finish=register_from_distillation,
    ),
    replace(
        TIMM,
        name='deit',
        what="DeiT III's authors'",
        encoder=DEIT3,
        marks=(*MARKS, 'pos_embed', 'blocks.0.gamma_1'),
        absent=(*SEGMENTOR, 'mask_token'),
    ),
    replace(
        TIMM,
        name='mae',
        what="MAE's pre-training",
        marks=(*MARKS, 'mask_token', 'decoder_embed.weight'),
        absent=SEGMENTOR,
        drop=(*CLASSIFIER, *DECODER, 'mask_token'),
    ),
    DINOV2_AUTHORS,
    replace(
        DINOV2_AUTHORS,
        what="DINOv2's authors', in chunks of blocks",
        encoder=CHUNKED,
        marks=('patch_embed.proj.weight', 'blocks.0.0.attn.qkv.weight'),
        absent=SEGMENTOR,
    ),
)
