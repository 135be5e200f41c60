"""Hugging Face's ViT, DeiT, ViT-MAE, DINOv2 and SegFormer, in the names of their files."""

from mmseg_vitseg.checkpoints.maps.forms import register_from_distillation, to_linear, to_pointwise, turned_fusion
from mmseg_vitseg.checkpoints.maps.source import Source
from mmseg_vitseg.checkpoints.names import Table

# Queries, keys and values stand in three tensors; here in one.
EMBEDDINGS: Table = {
    'embeddings.cls_token': 'cls_token',
    'embeddings.position_embeddings': 'pos_embed',
    'embeddings.patch_embeddings.projection.{kind}': 'patch_embed.proj.{kind}',
    'layernorm.{kind}': 'norm.{kind}',
}
ATTENTION: Table = {
    (
        'encoder.layer.{i}.attention.attention.query.{kind}',
        'encoder.layer.{i}.attention.attention.key.{kind}',
        'encoder.layer.{i}.attention.attention.value.{kind}',
    ): 'blocks.{i}.attn.qkv.{kind}',
    'encoder.layer.{i}.attention.output.dense.{kind}': 'blocks.{i}.attn.proj.{kind}',
}
VISION_TRANSFORMER: Table = {
    **EMBEDDINGS,
    **ATTENTION,
    'encoder.layer.{i}.layernorm_before.{kind}': 'blocks.{i}.norm1.{kind}',
    'encoder.layer.{i}.layernorm_after.{kind}': 'blocks.{i}.norm2.{kind}',
    'encoder.layer.{i}.intermediate.dense.{kind}': 'blocks.{i}.mlp.fc1.{kind}',
    'encoder.layer.{i}.output.dense.{kind}': 'blocks.{i}.mlp.fc2.{kind}',
}
DISTILLED: Table = {**VISION_TRANSFORMER, 'embeddings.distillation_token': 'dist_token'}
DINOV2: Table = {
    **EMBEDDINGS,
    **ATTENTION,
    'embeddings.register_tokens': 'reg_token',
    'encoder.layer.{i}.norm1.{kind}': 'blocks.{i}.norm1.{kind}',
    'encoder.layer.{i}.layer_scale1.lambda1': 'blocks.{i}.ls1.gamma',
    'encoder.layer.{i}.norm2.{kind}': 'blocks.{i}.norm2.{kind}',
    'encoder.layer.{i}.mlp.fc1.{kind}': 'blocks.{i}.mlp.fc1.{kind}',
    'encoder.layer.{i}.mlp.fc2.{kind}': 'blocks.{i}.mlp.fc2.{kind}',
    'encoder.layer.{i}.layer_scale2.lambda1': 'blocks.{i}.ls2.gamma',
}

DINOV2_GATED: Table = {
    **{names: ours for names, ours in DINOV2.items() if '.mlp.' not in names},
    'encoder.layer.{i}.mlp.weights_in.{kind}': 'blocks.{i}.mlp.fc1.{kind}',
    'encoder.layer.{i}.mlp.weights_out.{kind}': 'blocks.{i}.mlp.fc2.{kind}',
}

# Keys and values stand in two tensors; here in one.
SEGFORMER: Table = {
    'encoder.patch_embeddings.{s}.proj.{kind}': 'stages.{s}.patch_embed.proj.{kind}',
    'encoder.patch_embeddings.{s}.layer_norm.{kind}': 'stages.{s}.patch_embed.norm.{kind}',
    'encoder.block.{s}.{i}.layer_norm_1.{kind}': 'stages.{s}.blocks.{i}.norm1.{kind}',
    'encoder.block.{s}.{i}.attention.self.query.{kind}': 'stages.{s}.blocks.{i}.attn.q.{kind}',
    (
        'encoder.block.{s}.{i}.attention.self.key.{kind}',
        'encoder.block.{s}.{i}.attention.self.value.{kind}',
    ): 'stages.{s}.blocks.{i}.attn.kv.{kind}',
    'encoder.block.{s}.{i}.attention.self.sr.{kind}': 'stages.{s}.blocks.{i}.attn.sr.{kind}',
    'encoder.block.{s}.{i}.attention.self.layer_norm.{kind}': 'stages.{s}.blocks.{i}.attn.norm.{kind}',
    'encoder.block.{s}.{i}.attention.output.dense.{kind}': 'stages.{s}.blocks.{i}.attn.proj.{kind}',
    'encoder.block.{s}.{i}.layer_norm_2.{kind}': 'stages.{s}.blocks.{i}.norm2.{kind}',
    'encoder.block.{s}.{i}.mlp.dense1.{kind}': 'stages.{s}.blocks.{i}.mlp.fc1.{kind}',
    'encoder.block.{s}.{i}.mlp.dwconv.dwconv.{kind}': 'stages.{s}.blocks.{i}.mlp.dwconv.{kind}',
    'encoder.block.{s}.{i}.mlp.dense2.{kind}': 'stages.{s}.blocks.{i}.mlp.fc2.{kind}',
    'encoder.layer_norm.{s}.{kind}': 'stages.{s}.norm.{kind}',
}

SEGFORMER_HEAD: Table = {
    'decode_head.linear_c.{s}.proj.weight': 'decode_head.convs.{s}.conv.weight',
    'decode_head.linear_c.{s}.proj.bias': 'decode_head.convs.{s}.conv.bias',
    'decode_head.linear_fuse.weight': 'decode_head.fusion_conv.conv.weight',
    'decode_head.batch_norm.{norm}': 'decode_head.fusion_conv.bn.{norm}',
    'decode_head.classifier.{kind}': 'decode_head.conv_seg.{kind}',
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
        absent=('encoder.layer.0.mlp.weights_in.',),
        drop=(*POOLER, 'embeddings.mask_token'),
    ),
    Source(
        name='hf',
        what="Hugging Face's DINOv2 with SwiGLU",
        encoder=DINOV2_GATED,
        marks=(PATCHES, QUERY, 'encoder.layer.0.mlp.weights_in.weight'),
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
            'decode_head.linear_fuse.weight': (turned_fusion, turned_fusion),
        },
    ),
)
