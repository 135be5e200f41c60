"""Making a file's weights fit a backbone of another size: positions, patches, channels; and saying what the two are.

B batch, C channels, D width, h w patch grid, p patch size in pixels.
"""

import math
from collections.abc import Mapping

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmseg_vitseg.architectures import LETTERS, MITS, VITS
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
        kernel = square_kernel(kernel, 3 if adapt else channels)
    if kernel.ndim == 4 and adapt:
        kernel = change_input_channels(kernel, channels)
    if kernel.ndim == 4 and resize:
        kernel = resize_patch_kernel(kernel, size)
    return kernel


def square_kernel(kernel: Tensor, channels: int) -> Tensor:
    """Make a linear layer's weight (D, C p p) a kernel (D, C, p, p); as it is where C or p does not come out."""
    side = math.isqrt(kernel[0].numel() // channels)
    return kernel.unflatten(1, (channels, side, side)) if channels * side**2 == kernel[0].numel() else kernel


def describe(
    state: Mapping[str, Tensor], place: str, patch_size: int | None = None, grid: tuple[int, int] | None = None
) -> str | None:
    """Say in a few words which ViT or MiT has these weights, such as ``ViT-L/16 at 384``.

    Args:
        state: our name -> tensor.
        place: what stands before the backbone's names.
        patch_size: where it is known; a ViT's kernel of four dimensions tells it.
        grid: (h, w) where it is known; otherwise taken for square.

    Returns:
        None for anything else.
    """
    names = [name.removeprefix(place) for name in state if name.startswith(place)]
    kernel, positions = state.get(f'{place}patch_embed.proj.weight'), state.get(f'{place}pos_embed')
    if kernel is not None and positions is not None and kernel.ndim > 1 and positions.ndim == 3:
        width, depth = len(kernel), _count(names, 'blocks.')
        vits = {(sizes['embed_dims'], sizes['num_layers']): LETTERS[name] for name, sizes in VITS.items()}
        size = vits.get((width, depth))
        model = f'ViT-{size}' if size else f'ViT of {depth} blocks, width {width}, patches'
        if patch_size is None:
            patch_size = kernel.shape[-1] if kernel.ndim == 4 else math.isqrt(kernel.shape[-1] // 3)
        side = math.isqrt(positions.shape[1])  # with a class token's entry or without
        height, width = grid or (side, side)
        image = f'{height * patch_size}' if height == width else f'{height * patch_size}x{width * patch_size}'
        return f'{model}{"/" if size else " "}{patch_size} at {image}'
    stem = state.get(f'{place}stages.0.patch_embed.proj.weight')
    if stem is not None:
        depths = tuple(_count(names, f'stages.{stage}.blocks.') for stage in range(_count(names, 'stages.')))
        mits = {(sizes['embed_dims'], sizes['num_layers']): name for name, sizes in MITS.items() if name}
        size = mits.get((len(stem), depths))
        return f'MiT-{size.upper()}' if size else f'MiT of {depths} blocks, width {len(stem)} and up'
    return None


def depth_of(state: Mapping[str, Tensor]) -> tuple[int, ...]:
    """Return the number of blocks in each stage of a MiT, or in the only one of a ViT, from a backbone's names."""
    names = list(state)
    stages = _count(names, 'stages.')
    return tuple(_count(names, f'stages.{stage}.blocks.') for stage in range(stages)) or (_count(names, 'blocks.'),)


def usual_depths(state: Mapping[str, Tensor]) -> set[tuple[int, ...]]:
    """Return what :func:`depth_of` is of the published models of a backbone's width; none where no model has that width."""
    stem, kernel = state.get('stages.0.patch_embed.proj.weight'), state.get('patch_embed.proj.weight')
    variants, weight = (MITS, stem) if stem is not None else (VITS, kernel)
    width = None if weight is None else len(weight)
    depths = [sizes['num_layers'] for sizes in variants.values() if sizes['embed_dims'] == width]
    return {depth if isinstance(depth, tuple) else (depth,) for depth in depths}


def _count(names: list[str], prefix: str) -> int:
    numbers = {name.removeprefix(prefix).split('.')[0] for name in names if name.startswith(prefix)}
    return 1 + max(map(int, numbers), default=-1)
