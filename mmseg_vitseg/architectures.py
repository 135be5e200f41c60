"""What an architecture is: the sizes of its variants, and what a backbone says so that weights can be made to fit it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from torch import nn


@dataclass(frozen=True, kw_only=True)
class ViT:
    """Arguments of VisionTransformer that a variant stands for; each is None there by default.

    The defaults are the host's; three have no argument of their own there.

    Args:
        embed_dims: width D.
        num_layers: number of blocks.
        num_heads: attention heads.
        mlp: ``plain``; or a gated one, ``swiglu`` or ``swiglu_packed``, whose gate stands in the first layer's weight. No
            argument.
        mlp_ratio: hidden width of the MLP over D.
        qkv_bias: a bias for queries, keys and values; ``'qv'``: none for keys.
        norm_eps: of the layer norms. No argument: ``norm_cfg``.
        layer_scale: initial value of a learned factor a channel on each branch; None or False for none.
        final_norm: False, ``last`` or ``each``.
        patch_size: in pixels.
        img_size: in pixels, what learned positions are learned for.
        antialias: while these are resized.
        position: ``learned`` or ``rope``.
        rope_base: of rotary positions, the longest period. No argument.
        rope_rescale: of rotary positions, by how much training rescales them at random.
        num_registers: register tokens.
    """

    embed_dims: int
    num_layers: int
    num_heads: int
    mlp: str = 'plain'
    mlp_ratio: float = 4
    qkv_bias: bool | str = True
    norm_eps: float = 1e-5
    layer_scale: float | bool | None = None
    final_norm: bool | str = False
    patch_size: int = 16
    img_size: int | Sequence[int] = 224
    antialias: bool = False
    position: str = 'learned'
    rope_base: float = 100.0
    rope_rescale: float = 2.0
    num_registers: int = 0


@dataclass(frozen=True, kw_only=True)
class MiT:
    """Arguments of MixVisionTransformer that a variant stands for; each is None there by default.

    Args:
        embed_dims: width of one head.
        num_layers: number of blocks of each stage.
        num_heads: attention heads of each stage.
    """

    embed_dims: int
    num_layers: tuple[int, ...]
    num_heads: tuple[int, ...]


# ViT (arXiv 2010.11929, table 1) and DeiT (arXiv 2012.12877, table 1).
PLAIN_VITS = {
    'tiny': ViT(embed_dims=192, num_layers=12, num_heads=3),
    'small': ViT(embed_dims=384, num_layers=12, num_heads=6),
    'base': ViT(embed_dims=768, num_layers=12, num_heads=12),
    'large': ViT(embed_dims=1024, num_layers=24, num_heads=16),
}

# DINOv2 (arXiv 2304.07193); positions of its last phase, at 518 pixels. g: 4096 of 1536 in the MLP.
_dinov2 = partial(ViT, norm_eps=1e-6, layer_scale=1e-5, final_norm='each', patch_size=14, img_size=518)
DINOV2 = {
    'dinov2_s': _dinov2(embed_dims=384, num_layers=12, num_heads=6),
    'dinov2_b': _dinov2(embed_dims=768, num_layers=12, num_heads=12),
    'dinov2_l': _dinov2(embed_dims=1024, num_layers=24, num_heads=16),
    'dinov2_g': _dinov2(embed_dims=1536, num_layers=40, num_heads=24, mlp='swiglu_packed', mlp_ratio=2.66667),
}
# With registers (arXiv 2309.16588); its authors antialias where they resize positions.
DINOV2_REG = {f'{name}_reg': replace(row, num_registers=4, antialias=True) for name, row in DINOV2.items()}

# DINOv3 (arXiv 2508.10104).
_dinov3 = partial(ViT, qkv_bias='qv', layer_scale=1e-5, final_norm='each', position='rope', num_registers=4)
DINOV3 = {
    'dinov3_s': _dinov3(embed_dims=384, num_layers=12, num_heads=6),
    'dinov3_s_plus': _dinov3(embed_dims=384, num_layers=12, num_heads=6, mlp='swiglu'),
    'dinov3_b': _dinov3(embed_dims=768, num_layers=12, num_heads=12),
    'dinov3_l': _dinov3(embed_dims=1024, num_layers=24, num_heads=16),
    'dinov3_l_plus': _dinov3(embed_dims=1024, num_layers=24, num_heads=16, mlp='swiglu'),
    'dinov3_h_plus': _dinov3(embed_dims=1280, num_layers=32, num_heads=20, mlp='swiglu'),
    'dinov3_7b': _dinov3(embed_dims=4096, num_layers=40, num_heads=32, mlp='swiglu', mlp_ratio=2, qkv_bias=False),
}
VITS = {**PLAIN_VITS, **DINOV2, **DINOV2_REG, **DINOV3}
# as published models are called: ViT-B/16, DINOv3-S+/16
LETTERS = {'tiny': 'Ti', 'small': 'S', 'base': 'B', 'large': 'L', 'dinov2_g': 'g'}
LETTERS |= {name: name.removeprefix('dinov3_').upper().replace('_PLUS', '+') for name in DINOV3}

# SegFormer (arXiv 2105.15203, table 6).
MITS = {
    None: MiT(embed_dims=64, num_layers=(3, 4, 6, 3), num_heads=(1, 2, 4, 8)),  # the host's defaults
    'b0': MiT(embed_dims=32, num_layers=(2, 2, 2, 2), num_heads=(1, 2, 5, 8)),
    'b1': MiT(embed_dims=64, num_layers=(2, 2, 2, 2), num_heads=(1, 2, 5, 8)),
    'b2': MiT(embed_dims=64, num_layers=(3, 4, 6, 3), num_heads=(1, 2, 5, 8)),
    'b3': MiT(embed_dims=64, num_layers=(3, 4, 18, 3), num_heads=(1, 2, 5, 8)),
    'b4': MiT(embed_dims=64, num_layers=(3, 8, 27, 3), num_heads=(1, 2, 5, 8)),
    'b5': MiT(embed_dims=64, num_layers=(3, 6, 40, 3), num_heads=(1, 2, 5, 8)),
}

# of the backbones of these names
VARIANTS: dict[str, Mapping] = {'VisionTransformer': VITS, 'MixVisionTransformer': MITS}

Row = TypeVar('Row', ViT, MiT)


def variant_with(owner: str, variants: Mapping[Any, Row], variant: str | None, **given) -> Row:
    """Return a variant's row of a table, with what is given, which is not None, in its place.

    Args:
        owner: the backbone's name, for the error.
        variants: ``VITS`` or ``MITS``.
        variant: which of them.
        given: argument name -> value.

    Raises:
        ValueError: there is no such variant.
    """
    if variant not in variants:
        raise ValueError(f'{owner}: variant={variant!r}; allowed: {", ".join(map(str, variants))}')
    return replace(variants[variant], **{name: value for name, value in given.items() if value is not None})


class Resizable(nn.Module):
    """A backbone whose weights can be made to fit another size of image, patch or input.

    ``first_kernel`` is the name of the weight that sees the image, ``first_kernel_size`` its patch in pixels. One with
    ``pos_embed`` has ``grid``, (h, w), and ``cls_token``, ``interpolate_mode`` and ``antialias``.
    """

    first_kernel: str
    first_kernel_size: int
    grid: tuple[int, int] | None = None
