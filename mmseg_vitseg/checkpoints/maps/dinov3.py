"""DINOv3 (arXiv 2508.10104): in the names of its authors, of Hugging Face's files and modules, and of timm's."""

from torch import Tensor

from mmseg_vitseg.checkpoints.maps.hf_modules import renamed
from mmseg_vitseg.checkpoints.maps.source import SEGMENTOR, Source
from mmseg_vitseg.checkpoints.maps.timm import CLASSIFIER, MARKS
from mmseg_vitseg.checkpoints.names import Table

HF: Table = {
    'embeddings.cls_token': 'cls_token',
    'embeddings.register_tokens': 'reg_token',
    'embeddings.patch_embeddings.{kind}': 'patch_embed.proj.{kind}',
    'layer.{i}.norm1.{kind}': 'blocks.{i}.norm1.{kind}',
    (
        'layer.{i}.attention.q_proj.weight',
        'layer.{i}.attention.k_proj.weight',
        'layer.{i}.attention.v_proj.weight',
    ): 'blocks.{i}.attn.qkv.weight',
    'layer.{i}.attention.q_proj.bias': 'blocks.{i}.attn.q_bias',
    'layer.{i}.attention.v_proj.bias': 'blocks.{i}.attn.v_bias',
    'layer.{i}.attention.o_proj.{kind}': 'blocks.{i}.attn.proj.{kind}',
    'layer.{i}.layer_scale1.lambda1': 'blocks.{i}.ls1.gamma',
    'layer.{i}.norm2.{kind}': 'blocks.{i}.norm2.{kind}',
    'layer.{i}.mlp.up_proj.{kind}': 'blocks.{i}.mlp.fc1.{kind}',
    'layer.{i}.mlp.down_proj.{kind}': 'blocks.{i}.mlp.fc2.{kind}',
    'layer.{i}.layer_scale2.lambda1': 'blocks.{i}.ls2.gamma',
    'norm.{kind}': 'norm.{kind}',
}
HF_GATED: Table = {
    **HF,
    'layer.{i}.mlp.gate_proj.{kind}': 'blocks.{i}.mlp.fc1_g.{kind}',
    'layer.{i}.mlp.up_proj.{kind}': 'blocks.{i}.mlp.fc1_x.{kind}',
}

# The authors': a bias for keys too, which a mask takes out.
AUTHORS: Table = {
    'cls_token': 'cls_token',
    'storage_tokens': 'reg_token',
    'patch_embed.proj.{kind}': 'patch_embed.proj.{kind}',
    'rope_embed.periods': 'rope.periods',
    'blocks.{i}.norm1.{kind}': 'blocks.{i}.norm1.{kind}',
    'blocks.{i}.attn.qkv.weight': 'blocks.{i}.attn.qkv.weight',
    'blocks.{i}.attn.qkv.bias': ('blocks.{i}.attn.q_bias', 'blocks.{i}.attn.k_bias', 'blocks.{i}.attn.v_bias'),
    'blocks.{i}.attn.proj.{kind}': 'blocks.{i}.attn.proj.{kind}',
    'blocks.{i}.ls1.gamma': 'blocks.{i}.ls1.gamma',
    'blocks.{i}.norm2.{kind}': 'blocks.{i}.norm2.{kind}',
    'blocks.{i}.mlp.fc1.{kind}': 'blocks.{i}.mlp.fc1.{kind}',
    'blocks.{i}.mlp.fc2.{kind}': 'blocks.{i}.mlp.fc2.{kind}',
    'blocks.{i}.ls2.gamma': 'blocks.{i}.ls2.gamma',
    'norm.{kind}': 'norm.{kind}',
}
AUTHORS_GATED: Table = {left: right for left, right in AUTHORS.items() if '.mlp.' not in left} | {
    'blocks.{i}.mlp.w1.{kind}': 'blocks.{i}.mlp.fc1_g.{kind}',
    'blocks.{i}.mlp.w2.{kind}': 'blocks.{i}.mlp.fc1_x.{kind}',
    'blocks.{i}.mlp.w3.{kind}': 'blocks.{i}.mlp.fc2.{kind}',
}

# timm's: without the biases of queries and values unless the model is called ..._qkvb.
TIMM: Table = {
    'cls_token': 'cls_token',
    'reg_token': 'reg_token',
    'patch_embed.proj.{kind}': 'patch_embed.proj.{kind}',
    'blocks.{i}.norm1.{kind}': 'blocks.{i}.norm1.{kind}',
    'blocks.{i}.attn.qkv.weight': 'blocks.{i}.attn.qkv.weight',
    'blocks.{i}.attn.q_bias': 'blocks.{i}.attn.q_bias',
    'blocks.{i}.attn.v_bias': 'blocks.{i}.attn.v_bias',
    'blocks.{i}.attn.proj.{kind}': 'blocks.{i}.attn.proj.{kind}',
    'blocks.{i}.gamma_1': 'blocks.{i}.ls1.gamma',
    'blocks.{i}.norm2.{kind}': 'blocks.{i}.norm2.{kind}',
    'blocks.{i}.mlp.fc1.{kind}': 'blocks.{i}.mlp.fc1.{kind}',
    'blocks.{i}.mlp.fc1_g.{kind}': 'blocks.{i}.mlp.fc1_g.{kind}',
    'blocks.{i}.mlp.fc1_x.{kind}': 'blocks.{i}.mlp.fc1_x.{kind}',
    'blocks.{i}.mlp.fc2.{kind}': 'blocks.{i}.mlp.fc2.{kind}',
    'blocks.{i}.gamma_2': 'blocks.{i}.ls2.gamma',
    'norm.{kind}': 'norm.{kind}',
}


def drop_biases_of_keys(native: dict[str, Tensor]) -> None:
    """Leave out what the authors' mask takes out."""
    for name in [name for name in native if name.endswith('.attn.k_bias')]:
        del native[name]


HF_FILES = HF_PLAIN_FILE, HF_GATED_FILE = (
    Source(
        name='hf',
        what="Hugging Face's DINOv3",
        encoder=HF,
        marks=('embeddings.patch_embeddings.weight', 'layer.0.mlp.up_proj.weight'),
        absent=('layer.0.mlp.gate_proj.',),
        drop=('embeddings.mask_token',),
    ),
    Source(
        name='hf',
        what="Hugging Face's DINOv3 with SwiGLU",
        encoder=HF_GATED,
        marks=('embeddings.patch_embeddings.weight', 'layer.0.mlp.gate_proj.weight'),
        drop=('embeddings.mask_token',),
    ),
)
TIMM_FILE = Source(
    name='timm',
    what="timm's DINOv3",
    encoder=TIMM,
    marks=(*MARKS, 'reg_token', 'blocks.0.gamma_1'),
    absent=(*SEGMENTOR, 'pos_embed'),
    drop=CLASSIFIER,
    no_bias=('.attn.qkv.weight',),
)
AUTHORS_DROP = ('mask_token', 'local_cls_norm.{rest}', 'blocks.{i}.attn.qkv.bias_mask')

SOURCES = (
    *HF_FILES,
    *(renamed(source, {'layer.': 'model.layer.'}) for source in HF_FILES),
    Source(
        name='dinov3',
        what="DINOv3's authors'",
        encoder=AUTHORS,
        marks=(*MARKS, 'storage_tokens', 'blocks.0.mlp.fc1.weight'),
        drop=AUTHORS_DROP,
        finish=drop_biases_of_keys,
    ),
    Source(
        name='dinov3',
        what="DINOv3's authors', with SwiGLU",
        encoder=AUTHORS_GATED,
        marks=(*MARKS, 'storage_tokens', 'blocks.0.mlp.w1.weight'),
        drop=AUTHORS_DROP,
        finish=drop_biases_of_keys,
    ),
    TIMM_FILE,
)
