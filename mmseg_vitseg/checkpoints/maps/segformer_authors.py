"""SegFormer as its authors release it (NVlabs/SegFormer): the encoder trained on ImageNet, or a whole model.

Stages are counted from 1. The head has the host's unused classifier, conv_seg, beside its own, linear_pred.
"""

from mmseg_vitseg.checkpoints.maps.forms import to_linear, to_pointwise, turned_fusion
from mmseg_vitseg.checkpoints.maps.source import Source
from mmseg_vitseg.checkpoints.names import Table

ENCODER: Table = {
    'patch_embed{s+1}.proj.{kind}': 'stages.{s}.patch_embed.proj.{kind}',
    'patch_embed{s+1}.norm.{kind}': 'stages.{s}.patch_embed.norm.{kind}',
    'block{s+1}.{i}.norm1.{kind}': 'stages.{s}.blocks.{i}.norm1.{kind}',
    'block{s+1}.{i}.attn.q.{kind}': 'stages.{s}.blocks.{i}.attn.q.{kind}',
    'block{s+1}.{i}.attn.kv.{kind}': 'stages.{s}.blocks.{i}.attn.kv.{kind}',
    'block{s+1}.{i}.attn.sr.{kind}': 'stages.{s}.blocks.{i}.attn.sr.{kind}',
    'block{s+1}.{i}.attn.norm.{kind}': 'stages.{s}.blocks.{i}.attn.norm.{kind}',
    'block{s+1}.{i}.attn.proj.{kind}': 'stages.{s}.blocks.{i}.attn.proj.{kind}',
    'block{s+1}.{i}.norm2.{kind}': 'stages.{s}.blocks.{i}.norm2.{kind}',
    'block{s+1}.{i}.mlp.fc1.{kind}': 'stages.{s}.blocks.{i}.mlp.fc1.{kind}',
    'block{s+1}.{i}.mlp.dwconv.dwconv.{kind}': 'stages.{s}.blocks.{i}.mlp.dwconv.{kind}',
    'block{s+1}.{i}.mlp.fc2.{kind}': 'stages.{s}.blocks.{i}.mlp.fc2.{kind}',
    'norm{s+1}.{kind}': 'stages.{s}.norm.{kind}',
}

HEAD: Table = {
    'decode_head.linear_c{s+1}.proj.weight': 'decode_head.convs.{s}.conv.weight',
    'decode_head.linear_c{s+1}.proj.bias': 'decode_head.convs.{s}.conv.bias',
    'decode_head.linear_fuse.conv.weight': 'decode_head.fusion_conv.conv.weight',
    'decode_head.linear_fuse.bn.{norm}': 'decode_head.fusion_conv.bn.{norm}',
    'decode_head.linear_pred.{kind}': 'decode_head.conv_seg.{kind}',
}

SOURCES = (
    Source(
        name='segformer',
        what="the SegFormer authors'",
        encoder=ENCODER,
        marks=('patch_embed1.proj.weight', 'block1.0.attn.q.weight'),
        prefixes=('', 'backbone.'),
        head=HEAD,
        drop=('head.{rest}', 'decode_head.conv_seg.{rest}'),
        forms={
            'decode_head.linear_c{s+1}.proj.weight': (to_pointwise, to_linear),
            'decode_head.linear_fuse.conv.weight': (turned_fusion, turned_fusion),
        },
    ),
)
