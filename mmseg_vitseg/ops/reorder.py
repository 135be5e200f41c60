"""Exact reorderings of convolutions and bilinear upsampling: the same numbers for fewer multiplications.

B batch, C channels in, K channels out, h w size in, s scale; the upsampled size is (int(s h), int(s w)), the host's rule.
Bilinear upsampling mixes pixels, alike in every channel, with weights that sum to 1. What mixes channels, alike at every
pixel, can therefore be done before it as well as after it, on 1/s^2 of the pixels.
"""

import torch.nn.functional as F
from torch import Tensor, arange


def upsample(x: Tensor, scale: float, align_corners: bool) -> Tensor:
    """Resize (B, C, h, w) bilinearly to (B, C, int(s h), int(s w))."""
    size = [int(length * scale) for length in x.shape[-2:]]
    return F.interpolate(x, size=size, mode='bilinear', align_corners=align_corners)


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
    if scale in (2, 4) and not align_corners:  # with align_corners the upsampling is another filter at each pixel
        return conv3x3_of_upsampled(x, weight, bias, int(scale))
    return F.conv2d(upsample(x, scale, align_corners), weight, bias, padding=1)


def pointwise_of_upsampled(x: Tensor, weight: Tensor, bias: Tensor | None, scale: float, align_corners: bool) -> Tensor:
    """Convolve the upsampled (B, C, h, w) with (K, C, 1, 1): convolve first, upsample second.

    Proof: with U the upsampling, W the convolution and U 1 = 1, W(U x) + b = U(W x) + U b = U(W x + b). This holds in
    training too; and for Dropout2d before W, which scales whole channels and so is part of W.
    """
    return upsample(F.conv2d(x, weight, bias), scale, align_corners)


def conv3x3_of_upsampled(x: Tensor, weight: Tensor, bias: Tensor | None, scale: int) -> Tensor:
    """Convolve (B, C, h, w), upsampled by an even s without align_corners, with (K, C, 3, 3): 1/s^2 of the multiplications.

    Proof: away from the border, upsampling is F(Z x): Z puts s - 1 zeros between pixels, F filters each channel with the
    same triangle. Filters commute, W(F(Z x)) = F(W(Z x)), and W Z is a transposed convolution, which skips the zeros.

    At the border the upsampling repeats the outermost pixels, as x does here, but the convolution sees zeros around the
    upsampled map: the outermost rows and columns are done again in the plain order.
    """
    channels = weight.shape[0]
    margin = (
        scale // 2 - 2
    )  # pixels between the ends of W Z x and of what F reaches for, negative where W Z x is longer
    triangle = 1 - ((arange(2 * scale, dtype=x.dtype, device=x.device) + 0.5) / scale - 1).abs()  # (2 s,)
    kernel = (triangle[:, None] * triangle).expand(channels, 1, -1, -1)
    spread = F.conv_transpose2d(
        F.pad(x, (1, 1, 1, 1), mode='replicate'),
        weight.flip(2, 3).transpose(0, 1),
        stride=scale,
        padding=max(0, -margin),
    )
    out = F.conv2d(spread, kernel, bias, padding=max(0, margin), groups=channels)  # (B, K, s h, s w)
    out[:, :, :1] = _first_row(x, weight, bias, scale)
    out[:, :, -1:] = _first_row(x[:, :, -2:].flip(2), weight.flip(2), bias, scale)
    x, weight = x.transpose(2, 3), weight.transpose(2, 3)
    out[..., :1] = _first_row(x, weight, bias, scale).transpose(2, 3)
    out[..., -1:] = _first_row(x[:, :, -2:].flip(2), weight.flip(2), bias, scale).transpose(2, 3)
    return out


def _first_row(x: Tensor, weight: Tensor, bias: Tensor | None, scale: int) -> Tensor:
    """Return the first row (B, K, 1, s w) of the convolved upsampled (B, C, h, w), in the plain order."""
    rows = upsample(x[:, :, :2], scale, False)[:, :, :2]  # the first two rows come from the first two
    return F.conv2d(rows, weight[:, :, 1:], bias, padding=(0, 1))


def fold_batch_norm(
    weight: Tensor,
    bias: Tensor | None,
    *,
    mean: Tensor,
    var: Tensor,
    eps: float,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the weight (K, C, k, k) and bias (K,) of the one convolution that equals a convolution and its batch norm.

    Proof: in evaluation mode the norm is y -> a (y - mean) + beta with a = gamma / sqrt(var + eps), so of y = W x + b it
    makes (a W) x + (a (b - mean) + beta). Gradients flow to all of it.

    Args:
        weight: the convolution's.
        bias: the convolution's, (K,) or None.
        mean: running mean (K,).
        var: running variance (K,).
        eps: the norm's.
        gamma: the norm's weight (K,), None for ones.
        beta: the norm's bias (K,), None for zeros.
    """
    factor = (var + eps).rsqrt() if gamma is None else gamma * (var + eps).rsqrt()
    shift = -mean if bias is None else bias - mean
    shift = shift * factor
    return weight * factor[:, None, None, None], shift if beta is None else shift + beta
