"""What a plain ViT is made of, by a row of :mod:`mmseg_vitseg.architectures`.

B batch, N tokens, D width, h w patch grid, p patch size.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from mmseg_vitseg.architectures import ViT
from mmseg_vitseg.models.argument_checks import check_choices, check_sizes
from mmseg_vitseg.models.gated_mlps import PackedSwiGLU, SwiGLU
from mmseg_vitseg.models.layers import Attention, Block, Mlp, rising_rates
from mmseg_vitseg.models.rotary import RotaryPositions


def tokens(count: int, width: int) -> nn.Parameter | None:
    """Return tokens (1, count, D), None where there are none."""
    return nn.Parameter(torch.zeros(1, count, width)) if count else None


def positions(
    row: ViT, grid: tuple[int, int], with_cls_token: bool
) -> tuple[nn.Parameter | None, RotaryPositions | None]:
    """Return learned positions (1, T + h w, D), or what turns queries and keys; None for the other."""
    if row.position == 'learned':
        return tokens(grid[0] * grid[1] + with_cls_token, row.embed_dims), None
    head_dims = row.embed_dims // row.num_heads
    return None, RotaryPositions(head_dims=head_dims, base=row.rope_base, rescale=row.rope_rescale)


def blocks(
    row: ViT,
    *,
    drop_rate: float,
    attn_drop_rate: float,
    mlp_drop_rate: float | None,
    drop_path_rate: float,
    norm_cfg: dict,
    act_cfg: dict,
) -> nn.ModuleList:
    """Build the blocks; the rest is as VisionTransformer's arguments of the same names."""
    mlps: dict[str, Callable[..., nn.Module]] = dict(swiglu=SwiGLU, swiglu_packed=PackedSwiGLU)
    mlp = partial(
        mlps.get(row.mlp, partial(Mlp, act_cfg=act_cfg)),
        embed_dims=row.embed_dims,
        hidden_dims=int(row.mlp_ratio * row.embed_dims),
        drop_rates=(drop_rate, drop_rate) if mlp_drop_rate is None else (0.0, mlp_drop_rate),
    )
    attention = partial(
        Attention,
        embed_dims=row.embed_dims,
        num_heads=row.num_heads,
        qkv_bias=row.qkv_bias,
        attn_drop_rate=attn_drop_rate,
        drop_rate=drop_rate,
    )
    layer_scale = None if row.layer_scale is False else row.layer_scale
    block = partial(Block, embed_dims=row.embed_dims, norm_cfg=norm_cfg, layer_scale=layer_scale)
    rates = rising_rates(drop_path_rate, row.num_layers)
    return nn.ModuleList(block(attention(), mlp(), drop_path_rate=rate) for rate in rates)


def feature_map(x: Tensor, grid: tuple[int, int]) -> Tensor:
    """Arrange the patches of (B, N, D), the last tokens, as (B, D, h, w): a view, so in channels-last order in memory.

    Not by ``transpose(1, 2).unflatten(2, grid)``: torch takes the strides of one image for channels first then.
    """
    patches = x[:, x.shape[1] - grid[0] * grid[1] :]  # (B, h w, D)
    return patches.unflatten(1, grid).permute(0, 3, 1, 2)


def check_architecture(row: ViT) -> None:
    """Check sizes and choices, by themselves and against each other.

    Raises:
        ValueError: with what is allowed.
    """
    width, heads = row.embed_dims, row.num_heads
    check_sizes(
        'VisionTransformer', embed_dims=width, num_layers=row.num_layers, num_heads=heads, patch_size=row.patch_size
    )
    check_choices('VisionTransformer', (True, False, 'qv'), qkv_bias=row.qkv_bias)
    check_choices('VisionTransformer', ('learned', 'rope'), position=row.position)
    check_choices('VisionTransformer', (False, 'last', 'each'), final_norm=row.final_norm)
    if width % heads:
        raise ValueError(f'VisionTransformer: num_heads={heads} must divide embed_dims={width}')
    if row.position == 'rope' and width // heads % 4:
        raise ValueError(
            f"VisionTransformer: position='rope' with heads of width {width // heads}; embed_dims / num_heads must be a "
            'multiple of 4'
        )
    if row.num_registers < 0:
        raise ValueError(f'VisionTransformer: num_registers={row.num_registers}; at least 0')
    if not row.rope_rescale >= 1:
        raise ValueError(f'VisionTransformer: rope_rescale={row.rope_rescale}; allowed: 1 and above')


def check_input(in_channels: int, input_norm: str | None, interpolate_mode: str) -> None:
    """Check what VisionTransformer's arguments say of its input and of positions."""
    check_sizes('VisionTransformer', in_channels=in_channels)
    check_choices('VisionTransformer', (None, 'batch'), input_norm=input_norm)
    check_choices('VisionTransformer', ('bicubic', 'bilinear'), interpolate_mode=interpolate_mode)


def check_frozen_stages(frozen_stages: int, num_layers: int) -> None:
    """Check that there are as many blocks as are to be frozen."""
    if not -1 <= frozen_stages <= num_layers:
        raise ValueError(f'VisionTransformer: frozen_stages={frozen_stages}; allowed: -1 to {num_layers}')


def patch_grid(img_size: int | Sequence[int], patch_size: int) -> tuple[int, int]:
    """Return how many whole patches an image has, (h, w)."""
    sides = [img_size] if isinstance(img_size, int) else img_size
    if not isinstance(sides, Sequence) or isinstance(sides, str) or len(sides) not in (1, 2):
        raise ValueError(f'VisionTransformer: img_size={img_size}; allowed: an int or (height, width)')
    grid = sides[0] // patch_size, sides[-1] // patch_size
    if min(grid) < 1:
        raise ValueError(f'VisionTransformer: img_size={img_size} is smaller than patch_size={patch_size}')
    return grid
