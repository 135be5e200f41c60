"""SegFormer as its authors release it (NVlabs/SegFormer): the encoder trained on ImageNet, or a whole model.

Stages are counted from 1. The head has the host's unused classifier, conv_seg, beside its own, linear_pred.
"""

from mmseg_vitseg.checkpoints.maps.forms import deepest_first, to_linear, to_pointwise
from mmseg_vitseg.checkpoints.maps.source import Source
from mmseg_vitseg.checkpoints.names import Table

ENCODER: Table = {
    'patch_embed{s+1}.proj.weight': 'stages.{s}.patch_embed.proj.weight',
    'patch_embed{s+1}.proj.bias': 'stages.{s}.patch_embed.proj.bias',
    'patch_embed{s+1}.norm.weight': 'stages.{s}.patch_embed.norm.weight',
    'patch_embed{s+1}.norm.bias': 'stages.{s}.patch_embed.norm.bias',
    'block{s+1}.{i}.norm1.weight': 'stages.{s}.blocks.{i}.norm1.weight',
    'block{s+1}.{i}.norm1.bias': 'stages.{s}.blocks.{i}.norm1.bias',
    'block{s+1}.{i}.attn.q.weight': 'stages.{s}.blocks.{i}.attn.q.weight',
    'block{s+1}.{i}.attn.q.bias': 'stages.{s}.blocks.{i}.attn.q.bias',
    'block{s+1}.{i}.attn.kv.weight': 'stages.{s}.blocks.{i}.attn.kv.weight',
    'block{s+1}.{i}.attn.kv.bias': 'stages.{s}.blocks.{i}.attn.kv.bias',
    'block{s+1}.{i}.attn.sr.weight': 'stages.{s}.blocks.{i}.attn.sr.weight',
    'block{s+1}.{i}.attn.sr.bias': 'stages.{s}.blocks.{i}.attn.sr.bias',
    'block{s+1}.{i}.attn.norm.weight': 'stages.{s}.blocks.{i}.attn.norm.weight',
    'block{s+1}.{i}.attn.norm.bias': 'stages.{s}.blocks.{i}.attn.norm.bias',
    'block{s+1}.{i}.attn.proj.weight': 'stages.{s}.blocks.{i}.attn.proj.weight',
    'block{s+1}.{i}.attn.proj.bias': 'stages.{s}.blocks.{i}.attn.proj.bias',
    'block{s+1}.{i}.norm2.weight': 'stages.{s}.blocks.{i}.norm2.weight',
    'block{s+1}.{i}.norm2.bias': 'stages.{s}.blocks.{i}.norm2.bias',
    'block{s+1}.{i}.mlp.fc1.weight': 'stages.{s}.blocks.{i}.mlp.fc1.weight',
    'block{s+1}.{i}.mlp.fc1.bias': 'stages.{s}.blocks.{i}.mlp.fc1.bias',
    'block{s+1}.{i}.mlp.dwconv.dwconv.weight': 'stages.{s}.blocks.{i}.mlp.dwconv.weight',
    'block{s+1}.{i}.mlp.dwconv.dwconv.bias': 'stages.{s}.blocks.{i}.mlp.dwconv.bias',
    'block{s+1}.{i}.mlp.fc2.weight': 'stages.{s}.blocks.{i}.mlp.fc2.weight',
    'block{s+1}.{i}.mlp.fc2.bias': 'stages.{s}.blocks.{i}.mlp.fc2.bias',
    'norm{s+1}.weight': 'stages.{s}.norm.weight',
    'norm{s+1}.bias': 'stages.{s}.norm.bias',
}

HEAD: Table = {
    'decode_head.linear_c{s+1}.proj.weight': 'decode_head.convs.{s}.conv.weight',
    'decode_head.linear_c{s+1}.proj.bias': 'decode_head.convs.{s}.conv.bias',
    'decode_head.linear_fuse.conv.weight': 'decode_head.fusion_conv.conv.weight',
    'decode_head.linear_fuse.bn.weight': 'decode_head.fusion_conv.bn.weight',
    'decode_head.linear_fuse.bn.bias': 'decode_head.fusion_conv.bn.bias',
    'decode_head.linear_fuse.bn.running_mean': 'decode_head.fusion_conv.bn.running_mean',
    'decode_head.linear_fuse.bn.running_var': 'decode_head.fusion_conv.bn.running_var',
    'decode_head.linear_fuse.bn.num_batches_tracked': 'decode_head.fusion_conv.bn.num_batches_tracked',
    'decode_head.linear_pred.weight': 'decode_head.conv_seg.weight',
    'decode_head.linear_pred.bias': 'decode_head.conv_seg.bias',
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
            'decode_head.linear_fuse.conv.weight': (deepest_first, deepest_first),
        },
    ),
)
