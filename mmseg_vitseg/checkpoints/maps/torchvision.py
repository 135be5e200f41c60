"""torchvision's VisionTransformer."""

from mmseg_vitseg.checkpoints.maps.source import Source
from mmseg_vitseg.checkpoints.names import Table

BLOCK = 'encoder.layers.encoder_layer_{i}.'
# The MLP's layers are called linear_1 and linear_2 in the published files, 0 and 3 in what today's torchvision saves.
VISION_TRANSFORMER: Table = {
    'class_token': 'cls_token',
    'encoder.pos_embedding': 'pos_embed',
    'conv_proj.weight': 'patch_embed.proj.weight',
    'conv_proj.bias': 'patch_embed.proj.bias',
    f'{BLOCK}ln_1.weight': 'blocks.{i}.norm1.weight',
    f'{BLOCK}ln_1.bias': 'blocks.{i}.norm1.bias',
    f'{BLOCK}self_attention.in_proj_weight': 'blocks.{i}.attn.qkv.weight',
    f'{BLOCK}self_attention.in_proj_bias': 'blocks.{i}.attn.qkv.bias',
    f'{BLOCK}self_attention.out_proj.weight': 'blocks.{i}.attn.proj.weight',
    f'{BLOCK}self_attention.out_proj.bias': 'blocks.{i}.attn.proj.bias',
    f'{BLOCK}ln_2.weight': 'blocks.{i}.norm2.weight',
    f'{BLOCK}ln_2.bias': 'blocks.{i}.norm2.bias',
    f'{BLOCK}mlp.0.weight': 'blocks.{i}.mlp.fc1.weight',
    f'{BLOCK}mlp.0.bias': 'blocks.{i}.mlp.fc1.bias',
    f'{BLOCK}mlp.3.weight': 'blocks.{i}.mlp.fc2.weight',
    f'{BLOCK}mlp.3.bias': 'blocks.{i}.mlp.fc2.bias',
    f'{BLOCK}mlp.linear_1.weight': 'blocks.{i}.mlp.fc1.weight',
    f'{BLOCK}mlp.linear_1.bias': 'blocks.{i}.mlp.fc1.bias',
    f'{BLOCK}mlp.linear_2.weight': 'blocks.{i}.mlp.fc2.weight',
    f'{BLOCK}mlp.linear_2.bias': 'blocks.{i}.mlp.fc2.bias',
    'encoder.ln.weight': 'norm.weight',
    'encoder.ln.bias': 'norm.bias',
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
