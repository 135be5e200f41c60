"""Rotary position embeddings on a grid of patches (RoFormer, arXiv 2104.09864; in two axes, DINOv3, arXiv 2508.10104).

B batch, N tokens of which the last n = h w are the patches of a grid, M heads, d width of a head.
"""

import math

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable


def rotary_periods(base: float, head_dims: int) -> Tensor:
    """Return the periods base^(4 k / d), k from 0 to d / 4 - 1, in half widths of the image: (d / 4,), float32."""
    return base ** torch.arange(0, 1, 4 / head_dims, dtype=torch.float32)


def rotary_table(grid: tuple[int, int], periods: Tensor, scale: Tensor | None = None) -> Tensor:
    """Return the cosines and sines of each patch's angles.

    A patch's angles are 2 pi y / period, then 2 pi x / period, of its centre's coordinates, which go from -1 to 1 over the
    image.

    Args:
        grid: (h, w).
        periods: (d / 4,), float32.
        scale: a factor on the coordinates, (1,).

    Returns:
        (2, h w, d / 2), float32.
    """
    y, x = (2 * (torch.arange(side, device=periods.device) + 0.5) / side - 1 for side in grid)  # (h,), (w,)
    if scale is not None:
        y, x = y * scale, x * scale
    y, x = (2 * math.pi * coordinates[:, None] / periods for coordinates in (y, x))  # (h, d / 4), (w, d / 4)
    angles = torch.cat(torch.broadcast_tensors(y[:, None], x[None]), dim=-1).flatten(0, 1)  # (h w, d / 2)
    return torch.stack([angles.cos(), angles.sin()])


def rotated(qkv: Tensor, table: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rotate the patches' queries and keys, in float32: [a, b], the halves of d, to [a cos - b sin, b cos + a sin].

    A rotation's gradient is the rotation back. Other tokens' queries and keys, and all values, stay.

    Args:
        qkv: queries, keys and values, (B, N, 3, M, d). It is overwritten, so that no copies are kept, except where a graph
            is being captured.
        table: :func:`rotary_table`'s.

    Returns:
        queries, keys, values, (B, M, N, d) each, in the dtype of ``qkv``; views of one tensor.
    """
    if not (torch.compiler.is_compiling() or torch.jit.is_tracing()):
        return _Rotated.apply(qkv, table)
    count = table.shape[1]
    start = qkv.shape[1] - count
    first, second = qkv[:, start:, :2].float().chunk(2, dim=-1)  # (B, n, 2, M, d / 2)
    cos, sin = table[:, :, None, None]  # (n, 1, 1, d / 2)
    patches = torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1).to(qkv.dtype)
    q, k = torch.cat([qkv[:, :start, :2], patches], dim=1).permute(2, 0, 3, 1, 4)
    return q, k, qkv[:, :, 2].transpose(1, 2)


class _Rotated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, qkv: Tensor, table: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(table)
        cos, sin = table
        _rotate_patches(qkv, cos, sin)
        return qkv.permute(2, 0, 3, 1, 4).unbind()

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None]:
        cos, sin = ctx.saved_tensors[0]
        gradient = torch.stack([each.transpose(1, 2) for each in gradients], dim=2)  # (B, N, 3, M, d)
        _rotate_patches(gradient, cos, -sin)
        return gradient, None


def _rotate_patches(qkv: Tensor, cos: Tensor, sin: Tensor) -> None:
    """Rotate in place; cosines and sines are (n, d / 2)."""
    patches = qkv[:, qkv.shape[1] - len(cos) :, :2]  # (B, n, 2, M, d)
    cos, sin = cos[:, None, None], sin[:, None, None]
    wide = patches.float()  # the same tensor where it is float32
    first, second = wide.chunk(2, dim=-1)
    crossed = first * sin
    first.mul_(cos).addcmul_(second, sin, value=-1)
    second.mul_(cos).add_(crossed)
    if wide is not patches:
        patches.copy_(wide)
