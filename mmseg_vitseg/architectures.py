"""What an architecture is: the sizes of its variants, and what a backbone says so that weights can be made to fit it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from torch import nn


@dataclass(frozen=True, kw_only=True)
class ViT:
    """Arguments of VisionTransformer that a variant stands for; each is None there by default.

    Args:
        embed_dims: width.
        num_layers: number of blocks.
        num_heads: attention heads.
    """

    embed_dims: int
    num_layers: int
    num_heads: int


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
VITS = {
    'tiny': ViT(embed_dims=192, num_layers=12, num_heads=3),
    'small': ViT(embed_dims=384, num_layers=12, num_heads=6),
    'base': ViT(embed_dims=768, num_layers=12, num_heads=12),
    'large': ViT(embed_dims=1024, num_layers=24, num_heads=16),
}
LETTERS = {'tiny': 'Ti', 'small': 'S', 'base': 'B', 'large': 'L'}  # as published models are called: ViT-B/16

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
