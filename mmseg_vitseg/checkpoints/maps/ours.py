"""Checkpoints of this package's models: every name stays."""

from dataclasses import replace

from mmseg_vitseg.checkpoints.maps.source import HEADS, SEGMENTOR, Source
from mmseg_vitseg.checkpoints.maps.timm import MARKS, TIMM, VISION_TRANSFORMER
from mmseg_vitseg.checkpoints.names import Table

ALL: Table = {'{rest}': '{rest}'}
ROTARY: Table = {
    'rope.periods': 'rope.periods',
    'blocks.{i}.attn.q_bias': 'blocks.{i}.attn.q_bias',
    'blocks.{i}.attn.v_bias': 'blocks.{i}.attn.v_bias',
    'blocks.{i}.mlp.fc1_g.{kind}': 'blocks.{i}.mlp.fc1_g.{kind}',
    'blocks.{i}.mlp.fc1_x.{kind}': 'blocks.{i}.mlp.fc1_x.{kind}',
}
VIT: Table = {**VISION_TRANSFORMER, **ROTARY, 'input_norm.{rest}': 'input_norm.{rest}'}
AUTHORS = ('decode_head.conv_0.', 'decode_head.mlahead.')  # SETR's, on the same backbone

# A model whose parameters already have the file's names, whoever's they are.
AS_IS = Source(name='ours', what="the model's own names", encoder=ALL, marks=())

BACKBONE = replace(TIMM, name='ours', encoder=VIT, prefixes=('',), absent=SEGMENTOR, drop=())
SOURCES = (
    replace(
        TIMM,
        name='ours',
        what='a segmentor of ours',
        encoder=VIT,
        prefixes=('backbone.',),
        head=HEADS,
        needs=SEGMENTOR,
        absent=AUTHORS,
    ),
    replace(BACKBONE, what='our ViT with a norm of its input', marks=(*MARKS, 'input_norm.weight')),
    replace(BACKBONE, what='our DINOv3', marks=(*MARKS, 'rope.periods')),
    Source(
        name='ours',
        what='our MiT',
        encoder=ALL,
        marks=('stages.0.patch_embed.proj.weight', 'stages.0.blocks.0.attn.q.weight'),
        prefixes=('', 'backbone.'),
        head=HEADS,
    ),
)
