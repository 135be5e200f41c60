"""Small random EoMT by Hugging Face, and its weights as its authors have them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vitseg_tests import published_names as names
from vitseg_tests.published import hf
from vitseg_tests.published_names import rewritten

WIDTH, SIDE, PATCH, QUERIES, CLASSES = 24, 32, 8, 5, 3
SIZES = dict(embed_dims=WIDTH, num_layers=2, num_heads=2, patch_size=PATCH, img_size=SIDE)
HF_SIZES = dict(hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2, patch_size=PATCH, image_size=SIDE)
HF_HEAD = dict(num_queries=QUERIES, num_labels=CLASSES, num_blocks=1, num_upscale_blocks=1)
GATED = dict(use_gated_mlp=True, hidden_act='silu')
HEAD = dict(type='mmseg_vitseg.EoMTHead', in_channels=WIDTH, num_classes=CLASSES, patch_size=PATCH)
HEAD |= dict(num_queries=QUERIES, num_blocks=1)


@dataclass
class Family:
    """An EoMT: our backbone, Hugging Face's class and settings, and whether its authors publish differences."""

    variant: str
    kind: str
    settings: dict
    rotary: bool = False

    def hugging_face(self, **changes) -> nn.Module:
        """Return theirs, small and random, which masks nothing in evaluation."""
        model = hf(f'{self.kind}ForUniversalSegmentation', **{**HF_SIZES, **HF_HEAD, **self.settings, **changes})
        model.attn_mask_probs.zero_()
        # with SwiGLU on DINOv3, where theirs has SiLU in the heads too, the authors' EoMT
        for module in (model.mask_head, *model.upscale_block.block):
            module.activation = nn.GELU()
        return model

    def backbone(self, **changes) -> dict:
        """Return our backbone's config."""
        return {**dict(type='mmseg_vitseg.VisionTransformer', variant=self.variant), **SIZES, **changes}

    def segmentor(self, head: dict = {}, backbone: dict = {}, **more) -> dict:
        """Return our config of the same model."""
        parts = dict(backbone=self.backbone(**backbone), decode_head={**HEAD, **head})
        return dict(type='mmseg_vitseg.EoMT', **parts, **more)


FAMILIES = {
    'DINOv2': Family('dinov2_s_reg', 'Eomt', dict(num_register_tokens=4, mlp_ratio=4)),
    'DINOv2-g': Family('dinov2_g_reg', 'Eomt', dict(num_register_tokens=4, use_swiglu_ffn=True)),
    'DINOv3': Family('dinov3_s', 'EomtDinov3', dict(intermediate_size=4 * WIDTH, layer_norm_eps=1e-5), True),
    'DINOv3 gated': Family(
        'dinov3_h_plus', 'EomtDinov3', dict(GATED, intermediate_size=4 * WIDTH, layer_norm_eps=1e-5), True
    ),
}


def of_authors(state: dict[str, Tensor], rotary: bool) -> dict[str, Tensor]:
    """Return Hugging Face's weights under the authors' names, with the buffers that their files have besides."""
    theirs = rewritten(state, names.HF_EOMT_HEAD, names.EOMT_HEAD)
    if rotary:
        theirs |= rewritten(state, names.HF_EOMT_DINOV3, names.EOMT_DINOV3)
    else:
        theirs |= rewritten(state, names.HF_EOMT, names.EOMT)
        positions = 'network.encoder.backbone.pos_embed'
        theirs[positions] = theirs[positions][None]  # without an entry of the class token
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    theirs |= {'network.encoder.pixel_mean': mean, 'network.encoder.pixel_std': std}
    return theirs | {'network.attn_mask_probs': torch.zeros(1), 'criterion.empty_weight': torch.ones(CLASSES + 1)}


def differences_of(theirs: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Cut authors' weights on DINOv3 into a base, as Hugging Face has DINOv3, and the differences to it."""
    prefix = 'network.encoder.backbone.'
    base = {name: value - 0.01 * torch.randn_like(value) for name, value in theirs.items() if name.startswith(prefix)}
    differences = {name: value - base[name] if name in base else value for name, value in theirs.items()}
    return differences, rewritten(base, names.EOMT_DINOV3, names.HF_DINOV3) | {
        'embeddings.mask_token': torch.zeros(1, 1, WIDTH)
    }
