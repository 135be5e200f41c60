"""Exact reorderings of convolutions and bilinear upsampling: the same numbers for fewer multiplications.

B batch, C channels in, K channels out, h w size in, s scale; the upsampled size is (int(s h), int(s w)), the host's rule.
Bilinear upsampling mixes pixels, alike in every channel, with weights that sum to 1. What mixes channels, alike at every
pixel, can therefore be done before it as well as after it, on 1/s^2 of the pixels.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_vitseg.machine import as_on_cuda


def upsample(x: Tensor, scale: float, align_corners: bool) -> Tensor:
    """Resize (B, C, h, w) bilinearly to (B, C, int(s h), int(s w))."""
    return resize(x, scaled(x.shape[-2:], scale), align_corners)


def resize(x: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """Resize (B, C, h, w) bilinearly."""
    return F.interpolate(x, size=tuple(size), mode='bilinear', align_corners=align_corners)


def scaled(size: Sequence[int], scale: float) -> tuple[int, int]:
    """Return (int(s h), int(s w)); without ``int`` where s is one, since that makes a number of a size that is traced."""
    height, width = size
    if isinstance(scale, int):
        return height * scale, width * scale
    return int(height * scale), int(width * scale)


def conv_of_upsampled(x: Tensor, weight: Tensor, bias: Tensor | None, scale: float, align_corners: bool) -> Tensor:
    """Convolve the upsampled map, stride 1 and zeros around it, in the order that costs the least.

    Args:
        x: (B, C, h, w).
        weight: (K, C, k, k), k 1 or 3.
        bias: (K,) or None.
        scale: s.
        align_corners: of the upsampling.

    Returns:
        (B, K, int(s h), int(s w)).
    """
    if weight.shape[-1] == 1:
        return pointwise_of_upsampled(x, weight, bias, scale, align_corners)
    # with align_corners the upsampling is another filter at each pixel
    if scale in (2, 4) and not align_corners and not _multiplies_fast(x):
        return conv3x3_of_upsampled(x, weight, bias, int(scale))
    return F.conv2d(upsample(x, scale, align_corners), weight, bias, padding=1)


def _multiplies_fast(x: Tensor) -> bool:
    """Tell whether tensor cores convolve a map: in half precision and, by torch's default, in TF32.

    :func:`conv3x3_of_upsampled` saves multiplications, and moves more memory. On an H200 it takes two thirds of the plain
    order's time in strict float32 from x2, and as long from x4; on tensor cores 1.4 to 4 times as long, so the plain order
    is taken there (benchmarks/2026-11-27_gpu_h200.md).
    """
    if not as_on_cuda(x.device) or x.dtype == torch.float64:
        return False
    return x.dtype != torch.float32 or torch.is_autocast_enabled('cuda') or _allows_tf32()


def _allows_tf32() -> bool:
    try:
        return torch.backends.cudnn.allow_tf32
    except RuntimeError:  # convolutions and recurrent layers differ, which torch's newer names allow
        return torch.backends.cudnn.conv.fp32_precision == 'tf32'


def pointwise_of_upsampled(x: Tensor, weight: Tensor, bias: Tensor | None, scale: float, align_corners: bool) -> Tensor:
    """Convolve the upsampled (B, C, h, w) with (K, C, 1, 1): convolve first, upsample second.

    Proof: with U the upsampling, W the convolution and U 1 = 1, W(U x) + b = U(W x) + U b = U(W x + b). This holds in
    training too; and for Dropout2d before W, which scales whole channels and so is part of W.
    """
    return upsample(F.conv2d(x, weight, bias), scale, align_corners)


def pointwise_of_upsampled_levels(
    levels: Sequence[Tensor],
    weights: Sequence[Tensor],
    bias: Tensor | None,
    size: Sequence[int],
    mode: str,
    align_corners: bool,
) -> Tensor:
    """Convolve the concatenation of L maps, resized to one size, 1x1: convolve each at its own size, resize, sum.

    Proof: [W_1 ... W_L] [U_1 x_1; ...; U_L x_L] + b = sum of W_i U_i x_i + b = sum of U_i (W_i x_i) + b.

    Args:
        levels: L of (B, C_i, h_i, w_i).
        weights: L of (K, C_i, 1, 1), the convolution's weight cut by level.
        bias: (K,) or None.
        size: (h, w) of the result.
        mode: of the resizing: ``nearest``, ``bilinear``, ...
        align_corners: of the resizing.

    Returns:
        (B, K, h, w).
    """
    options = (
        dict(mode=mode)
        if mode in ('nearest', 'area', 'nearest-exact')
        else dict(mode=mode, align_corners=align_corners)
    )
    total = None
    for x, weight in zip(levels, weights, strict=True):
        share = F.conv2d(x, weight, bias if total is None else None)
        if share.shape[-2:] != tuple(size):
            share = F.interpolate(share, size=tuple(size), **options)
        total = share if total is None else total.add_(share)
    return total


def merge_pointwise(
    first: Sequence[tuple[Tensor, Tensor | None]], second: Sequence[Tensor], bias: Tensor | None
) -> tuple[list[Tensor], Tensor | None]:
    """Merge L pairs of 1x1 convolutions, with nothing but resizing between them, whose results are summed.

    Proof: W (V x + c) = (W V) x + W c, and resizing leaves the constant W c alone.

    Args:
        first: L of weight (C, C_i, 1, 1) and bias (C,) or None.
        second: L of weights (K, C, 1, 1).
        bias: of the sum, (K,) or None.

    Returns:
        L weights (K, C_i, 1, 1), and the bias of the sum, (K,) or None.
    """
    weights = []
    for (inner, inner_bias), outer in zip(first, second, strict=True):
        outer = outer.flatten(1)  # (K, C)
        weights.append((outer @ inner.flatten(1))[..., None, None])
        if inner_bias is not None:
            share = outer @ inner_bias
            bias = share if bias is None else bias + share
    return weights, bias


def conv3x3_of_upsampled(x: Tensor, weight: Tensor, bias: Tensor | None, scale: int) -> Tensor:
    """Convolve (B, C, h, w), upsampled by an even s without align_corners, with (K, C, 3, 3): 1/s^2 of the multiplications.

    Proof: away from the border, upsampling is F(Z x): Z puts s - 1 zeros between pixels, F filters each channel with the
    same triangle. Filters commute, W(F(Z x)) = F(W(Z x)), and W Z is a transposed convolution, which skips the zeros.

    At the border the upsampling repeats the outermost pixels, as x does here, but the convolution sees zeros around the
    upsampled map: what it has seen there is taken off the outermost rows and columns again.
    """
    channels = weight.shape[0]
    assert scale % 2 == 0, scale
    # pixels between the ends of W Z x and of what F reaches for, negative where W Z x is longer
    margin = scale // 2 - 2
    triangle = 1 - ((torch.arange(2 * scale, dtype=x.dtype, device=x.device) + 0.5) / scale - 1).abs()  # (2 s,)
    kernel = (triangle[:, None] * triangle).expand(channels, 1, -1, -1)
    spread = F.conv_transpose2d(
        F.pad(x, (1, 1, 1, 1), mode='replicate'),
        weight.flip(2, 3).transpose(0, 1),
        stride=scale,
        padding=max(0, -margin),
    )
    out = F.conv2d(spread, kernel, bias, padding=max(0, margin), groups=channels)  # (B, K, s h, s w)
    rows = F.pad(_ends(x, scale), (1, 1, 0, 0), mode='replicate')  # the corners once, with the rows
    columns = F.pad(_ends(x.transpose(2, 3), scale), (1, 1, 0, 0))
    # index_add_, whose gradient is passed on as it is, where a slice that is assigned to makes a copy of all of it
    ends = torch.arange(2, device=x.device)
    out = out.index_add_(2, ends * (out.shape[2] - 1), _seen(rows, weight), alpha=-1)
    seen = _seen(columns, weight.transpose(2, 3)).transpose(2, 3)
    return out.index_add_(3, ends * (out.shape[3] - 1), seen, alpha=-1)


def _ends(x: Tensor, scale: int) -> Tensor:
    """Return the rows above and below the upsampled (B, C, h, w), which are its first and last one: (B, C, 2, s w)."""
    return resize(torch.cat([x[:, :, :1], x[:, :, -1:]], dim=2), (2, x.shape[3] * scale), False)


def _seen(ends: Tensor, weight: Tensor) -> Tensor:
    """Return what a convolution with (K, C, 3, 3) sees of rows (B, C, 2, w + 2) above and below a map: (B, K, 2, w)."""
    return torch.cat([F.conv2d(ends[:, :, :1], weight[:, :, :1]), F.conv2d(ends[:, :, 1:], weight[:, :, 2:])], dim=2)
