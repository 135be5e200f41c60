"""What an architecture is: the sizes of its variants, and what a backbone says so that weights can be made to fit it."""

from typing import TypedDict

from torch import nn


class ViTSizes(TypedDict):
    """Width, number of blocks, attention heads."""

    embed_dims: int
    num_layers: int
    num_heads: int


class MiTSizes(TypedDict):
    """Width of one head; blocks and heads of each stage."""

    embed_dims: int
    num_layers: tuple[int, ...]
    num_heads: tuple[int, ...]


# ViT (arXiv 2010.11929, table 1) and DeiT (arXiv 2012.12877, table 1).
VITS: dict[str, ViTSizes] = {
    'tiny': dict(embed_dims=192, num_layers=12, num_heads=3),
    'small': dict(embed_dims=384, num_layers=12, num_heads=6),
    'base': dict(embed_dims=768, num_layers=12, num_heads=12),
    'large': dict(embed_dims=1024, num_layers=24, num_heads=16),
}
LETTERS = {'tiny': 'Ti', 'small': 'S', 'base': 'B', 'large': 'L'}  # as published models are called: ViT-B/16

# SegFormer (arXiv 2105.15203, table 6).
MITS: dict[str | None, MiTSizes] = {
    None: dict(embed_dims=64, num_layers=(3, 4, 6, 3), num_heads=(1, 2, 4, 8)),  # the host's defaults
    'b0': dict(embed_dims=32, num_layers=(2, 2, 2, 2), num_heads=(1, 2, 5, 8)),
    'b1': dict(embed_dims=64, num_layers=(2, 2, 2, 2), num_heads=(1, 2, 5, 8)),
    'b2': dict(embed_dims=64, num_layers=(3, 4, 6, 3), num_heads=(1, 2, 5, 8)),
    'b3': dict(embed_dims=64, num_layers=(3, 4, 18, 3), num_heads=(1, 2, 5, 8)),
    'b4': dict(embed_dims=64, num_layers=(3, 8, 27, 3), num_heads=(1, 2, 5, 8)),
    'b5': dict(embed_dims=64, num_layers=(3, 6, 40, 3), num_heads=(1, 2, 5, 8)),
}


class Resizable(nn.Module):
    """A backbone whose weights can be made to fit another size of image, patch or input.

    ``first_kernel`` is the name of the weight that sees the image, ``first_kernel_size`` its patch in pixels. One with
    ``pos_embed`` has ``grid``, (h, w), and ``cls_token``, ``interpolate_mode`` and ``antialias``.
    """

    first_kernel: str
    first_kernel_size: int
    grid: tuple[int, int] | None = None
