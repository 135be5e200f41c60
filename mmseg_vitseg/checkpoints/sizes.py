"""Making a file's weights fit a backbone of another size: positions, patches, channels.

B batch, C channels, D width, h w patch grid, p patch size in pixels.
"""

import math

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmseg_vitseg.ops.patch_kernel import change_input_channels, resize_patch_kernel
from mmseg_vitseg.ops.position import resize_position_grid


def fit_positions(positions: Tensor, has_token: bool, backbone: nn.Module, path: str) -> Tensor:
    """Make position embeddings those of a ViT: its class token or none, its grid.

    - A class token's entry, the first, is cut off where the model has no class token, and is zero where the file has none
      (timm's models with registers), which is the same.
    - A square grid is resized; a grid that is not square is taken where it is the model's.

    Args:
        positions: (1, 1 + h w, D) or (1, h w, D).
        has_token: the file has a class token.
        backbone: a VisionTransformer.
        path: named in what is said.

    Returns:
        (1, T + h' w', D), T the model's class token; ``positions`` where they are no such grid.
    """
    height, width = backbone.grid
    count = positions.shape[1]
    leading = int(has_token and (count == 1 + height * width or math.isqrt(count) ** 2 != count))
    token, patches = positions[:, :leading], positions[:, leading:]
    side = math.isqrt(patches.shape[1])
    if patches.shape[1] != height * width:
        if not side or side**2 != patches.shape[1]:
            return positions
        print_log(f'{path}: position embeddings resized from {side}x{side} to {height}x{width}', logger='current')
        patches = resize_position_grid(
            patches, (side, side), backbone.grid, mode=backbone.interpolate_mode, antialias=backbone.antialias
        )
    if backbone.cls_token is None:
        return patches
    if not leading:
        print_log(f'{path}: no position embedding for the class token: zero here, which is the same.', logger='current')
        token = torch.zeros_like(patches[:, :1])
    return torch.cat([token, patches], dim=1)


def fit_patches(kernel: Tensor, own: Tensor, size: int, *, resize: bool, adapt: bool) -> Tensor:
    """Make a patch kernel that of a model, where that is asked for.

    Args:
        kernel: (D, C, p, p), or (D, C p p).
        own: the model's, of either form.
        size: the model's patch size.
        resize: to another patch size.
        adapt: to another number of channels.
    """
    channels = own[0].numel() // size**2
    if kernel.ndim == 2:  # ours: of as many channels as the model, unless these are to change
        given = 3 if resize else max(1, kernel[0].numel() // size**2)  # of colours, where the patches change too
        kernel = square_kernel(kernel, given if adapt else channels)
    if kernel.ndim == 4 and adapt:
        kernel = change_input_channels(kernel, channels)
    if kernel.ndim == 4 and resize:
        kernel = resize_patch_kernel(kernel, size)
    return kernel


def square_kernel(kernel: Tensor, channels: int) -> Tensor:
    """Make a linear layer's weight (D, C p p) a kernel (D, C, p, p); as it is where C or p does not come out."""
    side = math.isqrt(kernel[0].numel() // channels)
    return kernel.unflatten(1, (channels, side, side)) if channels * side**2 == kernel[0].numel() else kernel


def reshape_kernel(kernel: Tensor, own: Tensor | None) -> Tensor:
    """Give a linear layer's weight the shape of the convolution's that ``own`` is, or the other way round."""
    if own is None or min(kernel.ndim, own.ndim) < 2 or kernel.flatten(1).shape != own.flatten(1).shape:
        return kernel
    return kernel.reshape(own.shape)
