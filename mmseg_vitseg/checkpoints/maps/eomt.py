"""EoMT (arXiv 2503.19108), whole: Hugging Face's, and its authors', on DINOv2 and on DINOv3.

- Theirs add no position to the class token, ours one of its own: zero here, which is the same.
- How likely queries are masked while training goes on, and how little "no object" weighs, are no weights: settings here.
- Hugging Face's on DINOv3 with SwiGLU is not here: its heads take the activation of the backbone, SiLU, for GELU.
- The authors' published files on DINOv3 hold differences to DINOv3's weights under the names of weights; what their own
  training saves on DINOv3 holds weights. The layer norms tell: they scale by positive numbers.
"""

import math
from dataclasses import replace

import torch
from torch import Tensor

from mmseg_vitseg.checkpoints.maps import dinov3
from mmseg_vitseg.checkpoints.maps.hf_modules import renamed
from mmseg_vitseg.checkpoints.maps.source import Source
from mmseg_vitseg.checkpoints.maps.timm import VISION_TRANSFORMER
from mmseg_vitseg.checkpoints.names import Table
from mmseg_vitseg.checkpoints.values import UnusableValuesError

HF_HEAD: Table = {
    'query.weight': 'decode_head.q.weight',
    'class_predictor.{kind}': 'decode_head.class_head.{kind}',
    'mask_head.fc1.{kind}': 'decode_head.mask_head.0.{kind}',
    'mask_head.fc2.{kind}': 'decode_head.mask_head.2.{kind}',
    'mask_head.fc3.{kind}': 'decode_head.mask_head.4.{kind}',
    'upscale_block.block.{j}.conv1.{kind}': 'decode_head.upscale.{j}.conv1.{kind}',
    'upscale_block.block.{j}.conv2.weight': 'decode_head.upscale.{j}.conv2.weight',
    'upscale_block.block.{j}.layernorm2d.{kind}': 'decode_head.upscale.{j}.norm.{kind}',
}
HF_DINOV2: Table = {
    'embeddings.cls_token': 'cls_token',
    'embeddings.register_tokens': 'reg_token',
    'embeddings.position_embeddings.weight': 'pos_embed',
    'embeddings.patch_embeddings.projection.{kind}': 'patch_embed.proj.{kind}',
    'layers.{i}.norm1.{kind}': 'blocks.{i}.norm1.{kind}',
    (
        'layers.{i}.attention.q_proj.{kind}',
        'layers.{i}.attention.k_proj.{kind}',
        'layers.{i}.attention.v_proj.{kind}',
    ): 'blocks.{i}.attn.qkv.{kind}',
    'layers.{i}.attention.out_proj.{kind}': 'blocks.{i}.attn.proj.{kind}',
    'layers.{i}.layer_scale1.lambda1': 'blocks.{i}.ls1.gamma',
    'layers.{i}.norm2.{kind}': 'blocks.{i}.norm2.{kind}',
    'layers.{i}.mlp.fc1.{kind}': 'blocks.{i}.mlp.fc1.{kind}',
    'layers.{i}.mlp.fc2.{kind}': 'blocks.{i}.mlp.fc2.{kind}',
    'layers.{i}.layer_scale2.lambda1': 'blocks.{i}.ls2.gamma',
    'layernorm.{kind}': 'norm.{kind}',
}
HF_GATED: Table = {names: ours for names, ours in HF_DINOV2.items() if '.mlp.' not in names} | {
    ('layers.{i}.mlp.gate_proj.{kind}', 'layers.{i}.mlp.up_proj.{kind}'): 'blocks.{i}.mlp.fc1.{kind}',
    'layers.{i}.mlp.down_proj.{kind}': 'blocks.{i}.mlp.fc2.{kind}',
}
# of transformers 4
HF_PACKED: Table = {names: ours for names, ours in HF_DINOV2.items() if '.mlp.' not in names} | {
    'layers.{i}.mlp.weights_in.{kind}': 'blocks.{i}.mlp.fc1.{kind}',
    'layers.{i}.mlp.weights_out.{kind}': 'blocks.{i}.mlp.fc2.{kind}',
}
HF_SETTINGS = ('attn_mask_probs', 'criterion.empty_weight')

AUTHORS_HEAD: Table = {
    'network.q.weight': 'decode_head.q.weight',
    'network.class_head.{kind}': 'decode_head.class_head.{kind}',
    'network.mask_head.0.{kind}': 'decode_head.mask_head.0.{kind}',
    'network.mask_head.2.{kind}': 'decode_head.mask_head.2.{kind}',
    'network.mask_head.4.{kind}': 'decode_head.mask_head.4.{kind}',
    'network.upscale.{j}.conv1.{kind}': 'decode_head.upscale.{j}.conv1.{kind}',
    'network.upscale.{j}.conv2.weight': 'decode_head.upscale.{j}.conv2.weight',
    'network.upscale.{j}.norm.{kind}': 'decode_head.upscale.{j}.norm.{kind}',
}
AUTHORS_SETTINGS = (
    'network.attn_mask_probs',
    'network.encoder.pixel_mean',
    'network.encoder.pixel_std',
    'criterion.empty_weight',
)
# On DINOv3 they took Hugging Face's modules, and called two of them otherwise.
AUTHORS_PARTS = {
    'embeddings.cls_token': 'patch_embed.cls_token',
    'embeddings.register_tokens': 'patch_embed.register_tokens',
    'embeddings.mask_token': 'patch_embed.mask_token',
    'embeddings.patch_embeddings.': 'patch_embed.patch_embeddings.',
    'layer.': 'blocks.',
}
NOT_POSITIVE = 0.1  # share of the layer norms' weights from which on they are no weights


def are_differences(native: dict[str, Tensor]) -> bool:
    """Tell differences from weights, which are under the same names, by the layer norms before attention and MLP.

    Those of a trained model scale by positive numbers, with few exceptions; about half of their differences are negative.

    Args:
        native: our name -> tensor.
    """
    norms = [value for name, value in native.items() if name.endswith(('.norm1.weight', '.norm2.weight'))]
    known = [value for value in norms if not value.is_meta]
    return bool(known) and float((torch.cat(known) <= 0).float().mean()) > NOT_POSITIVE


def refuse_differences(native: dict[str, Tensor]) -> None:
    """Refuse differences in the place of weights.

    Raises:
        UnusableValuesError: with how to make them weights.
    """
    if are_differences(native):
        raise UnusableValuesError(
            "EoMT's differences to DINOv3's weights, not weights: make a file of both, tools/convert_checkpoint.py FILE OUT "
            '--base DINOV3, with the DINOv3 of that size (hf://facebook/dinov3-vitl16-pretrain-lvd1689m of L)'
        )


def with_class_position(native: dict[str, Tensor]) -> None:
    """Give the class token the position that it has here, zero; take away registers of which there are none."""
    for name in [name for name in native if name.endswith('pos_embed')]:
        positions = native[
            name
        ]  # (1, h w, D), h = w; or with an entry before these, of timm's models without registers
        if positions.ndim == 3 and math.isqrt(positions.shape[1]) ** 2 == positions.shape[1]:
            native[name] = torch.cat([torch.zeros_like(positions[:, :1]), positions], dim=1)
    for name in [name for name in native if name.endswith('reg_token') and native[name].shape[1:2] == (0,)]:
        del native[name]


def batched(positions: Tensor) -> Tensor:
    """Make positions (h w, D) (1, h w, D)."""
    return positions[None]


def unbatched(positions: Tensor) -> Tensor:
    """Make positions (1, h w, D) (h w, D)."""
    return positions[0]


HF_FILE = Source(
    name='hf',
    what="Hugging Face's EoMT",
    encoder=HF_DINOV2,
    marks=('embeddings.patch_embeddings.projection.weight', 'layers.0.attention.q_proj.weight', 'query.weight'),
    absent=('layers.0.mlp.gate_proj.', 'layers.0.mlp.weights_in.'),
    head=HF_HEAD,
    drop=HF_SETTINGS,
    forms={'embeddings.position_embeddings.weight': (batched, unbatched)},
    finish=with_class_position,
)
HF_GATED_FILE, HF_PACKED_FILE = (
    replace(
        HF_FILE,
        what="Hugging Face's EoMT with SwiGLU",
        encoder=encoder,
        marks=(*HF_FILE.marks, f'layers.0.mlp.{first}.weight'),
        absent=(),
    )
    for encoder, first in ((HF_GATED, 'gate_proj'), (HF_PACKED, 'weights_in'))
)
HF_ROTARY_FILE = replace(
    renamed(dinov3.HF_PLAIN_FILE, {'layer.': 'layers.', 'norm.': 'layernorm.'}),
    what="Hugging Face's EoMT on DINOv3",
    marks=('embeddings.patch_embeddings.weight', 'layers.0.mlp.up_proj.weight', 'query.weight'),
    head=HF_HEAD,
    drop=HF_SETTINGS,
)
AUTHORS = Source(
    name='eomt',
    what="the EoMT authors'",
    encoder=VISION_TRANSFORMER,
    marks=('patch_embed.proj.weight', 'blocks.0.attn.qkv.weight'),
    prefixes=('network.encoder.backbone.',),
    head=AUTHORS_HEAD,
    drop=AUTHORS_SETTINGS,
    finish=with_class_position,
)
AUTHORS_ROTARY = tuple(
    replace(
        renamed(source, AUTHORS_PARTS),
        name='eomt',
        what=what,
        prefixes=AUTHORS.prefixes,
        head=AUTHORS_HEAD,
        drop=(*AUTHORS_SETTINGS, 'patch_embed.mask_token'),
        finish=refuse_differences,
    )
    for source, what in (
        (dinov3.HF_PLAIN_FILE, "the EoMT authors' on DINOv3"),
        (dinov3.HF_GATED_FILE, "the EoMT authors' on DINOv3 with SwiGLU"),
    )
)

SOURCES = (
    HF_FILE,
    HF_GATED_FILE,
    HF_PACKED_FILE,
    HF_ROTARY_FILE,
    AUTHORS,
    *AUTHORS_ROTARY,
)
