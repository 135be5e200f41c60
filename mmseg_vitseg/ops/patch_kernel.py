"""A patch embedding's kernel for other patches, and for other channels.

D width, C channels, p patch size in pixels.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def resize_patch_kernel(kernel: Tensor, size: int, *, mode: str = 'bilinear', antialias: bool = False) -> Tensor:
    """Resize a patch kernel to another patch size by the pseudo-inverse (FlexiViT, arXiv 2212.08013, section 3.4).

    With R the matrix that resizes a patch of p x p pixels to q x q, the kernel w becomes the w' that comes closest to
    <R x, w'> = <x, w> over random patches x: w' = pinv(R^T) w. Where patches grow, the two are equal: a resized patch gives
    the token that it gave before.

    Args:
        kernel: (D, C, p, p).
        size: q.
        mode: how R resizes: ``bilinear`` (the paper's) or ``bicubic`` (timm's default).
        antialias: of R, when patches shrink.

    Returns:
        (D, C, q, q), computed in float64 and returned in the input's dtype.
    """
    old = kernel.shape[-1]
    if old == size:
        return kernel
    pixels = torch.eye(old * old, dtype=torch.float64).reshape(old * old, 1, old, old)  # one image a pixel
    resized = F.interpolate(pixels, size=(size, size), mode=mode, align_corners=False, antialias=antialias)
    matrix = torch.linalg.pinv(resized.flatten(1))  # (q q, p p): the rows of `resized` are the columns of R
    return (kernel.double().flatten(2) @ matrix.T).unflatten(2, (size, size)).to(kernel.dtype)


def change_input_channels(kernel: Tensor, channels: int) -> Tensor:
    """Make a kernel on C channels one on another number: timm's rule.

    One channel: the sum over the old ones, which is the same for a grey image. Several: the old ones, repeated in order,
    each scaled by C over the new number; where C divides it, an image of equal channels keeps its tokens.

    Args:
        kernel: (D, C, p, p).
        channels: the new number.

    Returns:
        (D, channels, p, p).
    """
    old = kernel.shape[1]
    if old == channels:
        return kernel
    if channels == 1:
        return kernel.sum(dim=1, keepdim=True)
    order = [index % old for index in range(channels)]
    return kernel[:, order] * (old / channels)
