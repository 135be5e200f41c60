"""torchvision's VisionTransformer."""

from mmseg_vitseg.checkpoints.maps.source import Source
from mmseg_vitseg.checkpoints.names import Table

# The MLP's layers are called linear_1 and linear_2 in the published files, 0 and 3 in what today's torchvision saves.
VISION_TRANSFORMER: Table = {
    'class_token': 'cls_token',
    'encoder.pos_embedding': 'pos_embed',
    'conv_proj.{kind}': 'patch_embed.proj.{kind}',
    'encoder.layers.encoder_layer_{i}.ln_1.{kind}': 'blocks.{i}.norm1.{kind}',
    'encoder.layers.encoder_layer_{i}.self_attention.in_proj_{kind}': 'blocks.{i}.attn.qkv.{kind}',
    'encoder.layers.encoder_layer_{i}.self_attention.out_proj.{kind}': 'blocks.{i}.attn.proj.{kind}',
    'encoder.layers.encoder_layer_{i}.ln_2.{kind}': 'blocks.{i}.norm2.{kind}',
    'encoder.layers.encoder_layer_{i}.mlp.0.{kind}': 'blocks.{i}.mlp.fc1.{kind}',
    'encoder.layers.encoder_layer_{i}.mlp.3.{kind}': 'blocks.{i}.mlp.fc2.{kind}',
    'encoder.layers.encoder_layer_{i}.mlp.linear_1.{kind}': 'blocks.{i}.mlp.fc1.{kind}',
    'encoder.layers.encoder_layer_{i}.mlp.linear_2.{kind}': 'blocks.{i}.mlp.fc2.{kind}',
    'encoder.ln.{kind}': 'norm.{kind}',
}

SOURCES = (
    Source(
        name='torchvision',
        what="torchvision's ViT",
        encoder=VISION_TRANSFORMER,
        marks=('conv_proj.weight', 'encoder.pos_embedding'),
        drop=('heads.{rest}',),
    ),
)
