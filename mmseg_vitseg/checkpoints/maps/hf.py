"""Hugging Face's ViT, DeiT, ViT-MAE, DINOv2 and SegFormer, in the names of their files."""

from mmseg_vitseg.checkpoints.maps.forms import deepest_first, register_from_distillation, to_linear, to_pointwise
from mmseg_vitseg.checkpoints.maps.source import Source
from mmseg_vitseg.checkpoints.names import Table

# Queries, keys and values stand in three tensors; here in one.
EMBEDDINGS: Table = {
    'embeddings.cls_token': 'cls_token',
    'embeddings.position_embeddings': 'pos_embed',
    'embeddings.patch_embeddings.projection.weight': 'patch_embed.proj.weight',
    'embeddings.patch_embeddings.projection.bias': 'patch_embed.proj.bias',
    'layernorm.weight': 'norm.weight',
    'layernorm.bias': 'norm.bias',
}
ATTENTION: Table = {
    (
        'encoder.layer.{i}.attention.attention.query.weight',
        'encoder.layer.{i}.attention.attention.key.weight',
        'encoder.layer.{i}.attention.attention.value.weight',
    ): 'blocks.{i}.attn.qkv.weight',
    (
        'encoder.layer.{i}.attention.attention.query.bias',
        'encoder.layer.{i}.attention.attention.key.bias',
        'encoder.layer.{i}.attention.attention.value.bias',
    ): 'blocks.{i}.attn.qkv.bias',
    'encoder.layer.{i}.attention.output.dense.weight': 'blocks.{i}.attn.proj.weight',
    'encoder.layer.{i}.attention.output.dense.bias': 'blocks.{i}.attn.proj.bias',
}
VISION_TRANSFORMER: Table = {
    **EMBEDDINGS,
    **ATTENTION,
    'encoder.layer.{i}.layernorm_before.weight': 'blocks.{i}.norm1.weight',
    'encoder.layer.{i}.layernorm_before.bias': 'blocks.{i}.norm1.bias',
    'encoder.layer.{i}.layernorm_after.weight': 'blocks.{i}.norm2.weight',
    'encoder.layer.{i}.layernorm_after.bias': 'blocks.{i}.norm2.bias',
    'encoder.layer.{i}.intermediate.dense.weight': 'blocks.{i}.mlp.fc1.weight',
    'encoder.layer.{i}.intermediate.dense.bias': 'blocks.{i}.mlp.fc1.bias',
    'encoder.layer.{i}.output.dense.weight': 'blocks.{i}.mlp.fc2.weight',
    'encoder.layer.{i}.output.dense.bias': 'blocks.{i}.mlp.fc2.bias',
}
DISTILLED: Table = {**VISION_TRANSFORMER, 'embeddings.distillation_token': 'dist_token'}
DINOV2: Table = {
    **EMBEDDINGS,
    **ATTENTION,
    'embeddings.register_tokens': 'reg_token',
    'encoder.layer.{i}.norm1.weight': 'blocks.{i}.norm1.weight',
    'encoder.layer.{i}.norm1.bias': 'blocks.{i}.norm1.bias',
    'encoder.layer.{i}.layer_scale1.lambda1': 'blocks.{i}.ls1.gamma',
    'encoder.layer.{i}.norm2.weight': 'blocks.{i}.norm2.weight',
    'encoder.layer.{i}.norm2.bias': 'blocks.{i}.norm2.bias',
    'encoder.layer.{i}.mlp.fc1.weight': 'blocks.{i}.mlp.fc1.weight',
    'encoder.layer.{i}.mlp.fc1.bias': 'blocks.{i}.mlp.fc1.bias',
    'encoder.layer.{i}.mlp.fc2.weight': 'blocks.{i}.mlp.fc2.weight',
    'encoder.layer.{i}.mlp.fc2.bias': 'blocks.{i}.mlp.fc2.bias',
    'encoder.layer.{i}.layer_scale2.lambda1': 'blocks.{i}.ls2.gamma',
}

# Keys and values stand in two tensors; here in one.
SEGFORMER: Table = {
    'encoder.patch_embeddings.{s}.proj.weight': 'stages.{s}.patch_embed.proj.weight',
    'encoder.patch_embeddings.{s}.proj.bias': 'stages.{s}.patch_embed.proj.bias',
    'encoder.patch_embeddings.{s}.layer_norm.weight': 'stages.{s}.patch_embed.norm.weight',
    'encoder.patch_embeddings.{s}.layer_norm.bias': 'stages.{s}.patch_embed.norm.bias',
    'encoder.block.{s}.{i}.layer_norm_1.weight': 'stages.{s}.blocks.{i}.norm1.weight',
    'encoder.block.{s}.{i}.layer_norm_1.bias': 'stages.{s}.blocks.{i}.norm1.bias',
    'encoder.block.{s}.{i}.attention.self.query.weight': 'stages.{s}.blocks.{i}.attn.q.weight',
    'encoder.block.{s}.{i}.attention.self.query.bias': 'stages.{s}.blocks.{i}.attn.q.bias',
    (
        'encoder.block.{s}.{i}.attention.self.key.weight',
        'encoder.block.{s}.{i}.attention.self.value.weight',
    ): 'stages.{s}.blocks.{i}.attn.kv.weight',
    (
        'encoder.block.{s}.{i}.attention.self.key.bias',
        'encoder.block.{s}.{i}.attention.self.value.bias',
    ): 'stages.{s}.blocks.{i}.attn.kv.bias',
    'encoder.block.{s}.{i}.attention.self.sr.weight': 'stages.{s}.blocks.{i}.attn.sr.weight',
    'encoder.block.{s}.{i}.attention.self.sr.bias': 'stages.{s}.blocks.{i}.attn.sr.bias',
    'encoder.block.{s}.{i}.attention.self.layer_norm.weight': 'stages.{s}.blocks.{i}.attn.norm.weight',
    'encoder.block.{s}.{i}.attention.self.layer_norm.bias': 'stages.{s}.blocks.{i}.attn.norm.bias',
    'encoder.block.{s}.{i}.attention.output.dense.weight': 'stages.{s}.blocks.{i}.attn.proj.weight',
    'encoder.block.{s}.{i}.attention.output.dense.bias': 'stages.{s}.blocks.{i}.attn.proj.bias',
    'encoder.block.{s}.{i}.layer_norm_2.weight': 'stages.{s}.blocks.{i}.norm2.weight',
    'encoder.block.{s}.{i}.layer_norm_2.bias': 'stages.{s}.blocks.{i}.norm2.bias',
    'encoder.block.{s}.{i}.mlp.dense1.weight': 'stages.{s}.blocks.{i}.mlp.fc1.weight',
    'encoder.block.{s}.{i}.mlp.dense1.bias': 'stages.{s}.blocks.{i}.mlp.fc1.bias',
    'encoder.block.{s}.{i}.mlp.dwconv.dwconv.weight': 'stages.{s}.blocks.{i}.mlp.dwconv.weight',
    'encoder.block.{s}.{i}.mlp.dwconv.dwconv.bias': 'stages.{s}.blocks.{i}.mlp.dwconv.bias',
    'encoder.block.{s}.{i}.mlp.dense2.weight': 'stages.{s}.blocks.{i}.mlp.fc2.weight',
    'encoder.block.{s}.{i}.mlp.dense2.bias': 'stages.{s}.blocks.{i}.mlp.fc2.bias',
    'encoder.layer_norm.{s}.weight': 'stages.{s}.norm.weight',
    'encoder.layer_norm.{s}.bias': 'stages.{s}.norm.bias',
}

SEGFORMER_HEAD: Table = {
    'decode_head.linear_c.{s}.proj.weight': 'decode_head.convs.{s}.conv.weight',
    'decode_head.linear_c.{s}.proj.bias': 'decode_head.convs.{s}.conv.bias',
    'decode_head.linear_fuse.weight': 'decode_head.fusion_conv.conv.weight',
    'decode_head.batch_norm.weight': 'decode_head.fusion_conv.bn.weight',
    'decode_head.batch_norm.bias': 'decode_head.fusion_conv.bn.bias',
    'decode_head.batch_norm.running_mean': 'decode_head.fusion_conv.bn.running_mean',
    'decode_head.batch_norm.running_var': 'decode_head.fusion_conv.bn.running_var',
    'decode_head.batch_norm.num_batches_tracked': 'decode_head.fusion_conv.bn.num_batches_tracked',
    'decode_head.classifier.weight': 'decode_head.conv_seg.weight',
    'decode_head.classifier.bias': 'decode_head.conv_seg.bias',
}


PATCHES, QUERY = 'embeddings.patch_embeddings.projection.weight', 'encoder.layer.0.attention.attention.query.weight'
POOLER = ('pooler.{rest}', 'classifier.{rest}')

SOURCES = (
    Source(
        name='hf',
        what="Hugging Face's ViT",
        encoder=VISION_TRANSFORMER,
        marks=(PATCHES, QUERY, 'encoder.layer.0.layernorm_before.weight'),
        prefixes=('', 'vit.', 'deit.'),
        absent=('embeddings.distillation_token',),
        drop=(*POOLER, 'embeddings.mask_token', 'decoder.{rest}'),
    ),
    Source(
        name='hf',
        what="Hugging Face's distilled DeiT",
        encoder=DISTILLED,
        marks=(PATCHES, QUERY, 'embeddings.distillation_token'),
        prefixes=('', 'deit.'),
        drop=(*POOLER, 'cls_classifier.{rest}', 'distillation_classifier.{rest}', 'embeddings.mask_token'),
        finish=register_from_distillation,
    ),
    Source(
        name='hf',
        what="Hugging Face's DINOv2",
        encoder=DINOV2,
        marks=(PATCHES, QUERY, 'encoder.layer.0.layer_scale1.lambda1'),
        prefixes=('', 'dinov2.', 'dinov2_with_registers.'),
        drop=(*POOLER, 'embeddings.mask_token'),
    ),
    Source(
        name='hf',
        what="Hugging Face's SegFormer",
        encoder=SEGFORMER,
        marks=('encoder.patch_embeddings.0.proj.weight',),
        prefixes=('', 'segformer.'),
        head=SEGFORMER_HEAD,
        drop=('classifier.{rest}',),
        forms={
            'decode_head.linear_c.{s}.proj.weight': (to_pointwise, to_linear),
            'decode_head.linear_fuse.weight': (deepest_first, deepest_first),
        },
    ),
)
