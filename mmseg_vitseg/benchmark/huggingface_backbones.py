"""Hugging Face's ViT, DINOv2 and DINOv3 with the sizes of a backbone of ours.

B batch, C channels of the input, H W size of the input in pixels, D width, h w patch grid.
"""

from typing import Any

import torch
from torch import Tensor, nn

from mmseg_vitseg.models.gated_mlps import PackedSwiGLU, SwiGLU
from mmseg_vitseg.models.layers import Mlp
from mmseg_vitseg.models.vit import VisionTransformer
from mmseg_vitseg.ops.patches import pad_to_patches

# what its classes' names begin with -> the MLPs that they have
MLPS: dict[str, tuple[type[nn.Module], ...]] = {
    'ViT': (Mlp,),
    'Dinov2': (Mlp, PackedSwiGLU),
    'Dinov2WithRegisters': (Mlp, PackedSwiGLU),
    'DINOv3ViT': (Mlp, SwiGLU),
}


def kind_of(ours: VisionTransformer) -> str:
    """Return which of ``MLPS`` a backbone is."""
    if ours.rope is not None:
        return 'DINOv3ViT'
    if isinstance(ours.blocks[0].ls1, nn.Identity):
        return 'ViT'
    return 'Dinov2' if ours.reg_token is None else 'Dinov2WithRegisters'


def refuse(theirs: str, unlike: dict[str, bool]) -> None:
    """Check that nothing makes ours another model than theirs.

    Args:
        theirs: what it is called in the error.
        unlike: setting -> it has another value than theirs can have.

    Raises:
        ValueError: something does; names all that do.
    """
    if any(unlike.values()):
        names = ', '.join(name for name, differs in unlike.items() if differs)
        raise ValueError(f'the {theirs} of Hugging Face is another one than with these settings: {names}')


def sizes(ours: VisionTransformer) -> dict[str, Any]:
    """Return what all of Hugging Face's configs of such backbones have."""
    block = ours.blocks[0]
    return dict(
        hidden_size=ours.embed_dims,
        num_hidden_layers=len(ours.blocks),
        num_attention_heads=block.attn.num_heads,
        layer_norm_eps=block.norm1.eps,
        patch_size=ours.patch_size,
        num_channels=ours.in_channels,
    )


def dino_sizes(ours: VisionTransformer) -> dict[str, Any]:
    """Return what those of its DINOv2 and DINOv3 have besides: registers, and the MLP's hidden width."""
    hidden, registers = ours.blocks[0].mlp.fc2.in_features, 0 if ours.reg_token is None else ours.reg_token.shape[1]
    if ours.rope is not None:
        return dict(num_register_tokens=registers, intermediate_size=hidden)
    gated = isinstance(ours.blocks[0].mlp, PackedSwiGLU)  # two thirds of the width that the ratio says
    return dict(num_register_tokens=registers, mlp_ratio=round(hidden * (1.5 if gated else 1) / ours.embed_dims))


def drop_path_rate(block: nn.Module) -> float:
    """Return the rate of a block's stochastic depth."""
    return 0.0 if isinstance(block.drop_path, nn.Identity) else block.drop_path.drop_prob


class HuggingFaceEncoder(nn.Module):
    """Hugging Face's model without a head, with the outputs of a backbone of ours: maps (B, D, h, w).

    Args:
        ours: the backbone.

    Raises:
        ValueError: it has what Hugging Face's has not.
    """

    def __init__(self, ours: VisionTransformer):
        super().__init__()
        import transformers

        kind = kind_of(ours)
        refuse(kind, _unlike(ours, kind))
        config = getattr(transformers, f'{kind}Config')(**sizes(ours), **_settings(ours, kind))
        plain = kind == 'ViT'
        self.vit = getattr(transformers, f'{kind}Model')(config, **dict(add_pooling_layer=False) if plain else {})
        self.options = dict(interpolate_pos_encoding=True) if plain else {}
        self.norm_name = 'norm' if kind == 'DINOv3ViT' else 'layernorm'
        if ours.norm is None:
            setattr(self.vit, self.norm_name, nn.Identity())
        self.out_indices, self.normed_indices, self.patch_size = ours.out_indices, ours.normed_indices, ours.patch_size
        self.frozen = ours.frozen
        if self.frozen:
            self.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Map (B, C, H, W) to one (B, D, h, w) for each of the outputs; padded to whole patches, as ours is."""
        images = pad_to_patches(images, self.patch_size)
        grid = [side // self.patch_size for side in images.shape[-2:]]
        last = self.vit.config.num_hidden_layers - 1
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            found = self.vit(images, output_hidden_states=min(self.out_indices) < last, **self.options)
            outputs = []
            for index in self.out_indices:
                tokens = found.last_hidden_state if index == last else found.hidden_states[index + 1]
                if index < last and index in self.normed_indices:
                    tokens = getattr(self.vit, self.norm_name)(tokens)
                patches = tokens[:, tokens.shape[1] - grid[0] * grid[1] :]  # (B, h w, D)
                outputs.append(patches.transpose(1, 2).unflatten(2, grid))
        return tuple(outputs)

    def train(self, mode: bool = True) -> 'HuggingFaceEncoder':
        """Switch to training or evaluation mode; a frozen one stays in evaluation mode."""
        return super().train(mode and not self.frozen)


def with_own_names(model: nn.Module) -> dict[str, Tensor]:
    """Return the state dict of a model whose backbone is a HuggingFaceEncoder, under the names of Hugging Face's own."""
    return {name.removeprefix('backbone.vit.'): value for name, value in model.state_dict().items()}


def _unlike(ours: VisionTransformer, kind: str) -> dict[str, bool]:
    block, learned, scaled = ours.blocks[0], ours.rope is None, kind != 'ViT'
    mlp = block.mlp
    return dict(
        input_norm=ours.input_norm is not None,
        with_cls_token=ours.cls_token is None,
        num_registers=ours.reg_token is not None and not scaled,
        layer_scale=isinstance(block.ls1, nn.Identity) and scaled,
        patch_bias=ours.patch_embed.proj.bias is None,
        drop_rate=ours.pos_drop.p > 0 and scaled,
        drop_path_rate=drop_path_rate(ours.blocks[-1]) > 0,
        variant=not isinstance(mlp, MLPS[kind]),
        mlp_ratio=kind.startswith('Dinov2') and mlp.fc2.in_features != _dinov2_hidden(ours),
        qkv_bias=learned and block.attn.q_bias is not None,
        act_cfg=isinstance(mlp, Mlp) and not isinstance(mlp.act, nn.GELU),
        img_size=kind.startswith('Dinov2') and ours.grid[0] != ours.grid[1],
        interpolate_mode=learned and ours.interpolate_mode != 'bicubic',
        antialias=learned and ours.antialias != (kind == 'Dinov2WithRegisters'),
        frozen_stages=ours.frozen_stages >= 0 or not ours.frozen_exclude,
    )


def _dinov2_hidden(ours: VisionTransformer) -> int:
    """Return the hidden width that its DINOv2 makes of a ratio."""
    width = ours.embed_dims * dino_sizes(ours)['mlp_ratio']
    return (width * 2 // 3 + 7) // 8 * 8 if isinstance(ours.blocks[0].mlp, PackedSwiGLU) else width


def _settings(ours: VisionTransformer, kind: str) -> dict[str, Any]:
    """Return what a config has besides ``sizes``."""
    attn, mlp, rope = ours.blocks[0].attn, ours.blocks[0].mlp, ours.rope
    if rope is not None:
        gated, each = isinstance(mlp, SwiGLU), attn.qkv.bias is not None
        return dict(
            **dino_sizes(ours),
            use_gated_mlp=gated,
            hidden_act='silu' if gated else 'gelu',
            query_bias=each or attn.q_bias is not None,
            key_bias=each,
            value_bias=each or attn.q_bias is not None,
            attention_dropout=attn.attn_drop_rate,
            rope_theta=rope.base,
            pos_embed_rescale=None if rope.rescale == 1 else rope.rescale,
        )
    learned = dict(
        image_size=tuple(side * ours.patch_size for side in ours.grid),
        qkv_bias=attn.qkv.bias is not None,
        hidden_dropout_prob=ours.pos_drop.p,
        attention_probs_dropout_prob=attn.attn_drop_rate,
    )
    if kind == 'ViT':
        return dict(learned, intermediate_size=mlp.fc1.out_features)
    own = dino_sizes(ours)
    if kind == 'Dinov2':
        del own['num_register_tokens']
    return dict(learned, use_swiglu_ffn=isinstance(mlp, PackedSwiGLU), **own)
