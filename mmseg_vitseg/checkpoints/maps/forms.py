"""Tensors that several projects have in another shape or order than we."""

import torch
from torch import Tensor


def to_pointwise(weight: Tensor) -> Tensor:
    """Make a linear layer's weight (K, C) a convolution's (K, C, 1, 1)."""
    return weight[..., None, None]


def to_linear(weight: Tensor) -> Tensor:
    """Make a 1x1 convolution's weight (K, C, 1, 1) a linear layer's (K, C)."""
    return weight.flatten(1)


def turned_fusion(fusion: Tensor) -> Tensor:
    """Turn the order of the levels in a fusion's columns, (C, L C, 1, 1): theirs deepest first, ours shallowest first."""
    return torch.cat(fusion.split(len(fusion), dim=1)[::-1], dim=1)


def register_from_distillation(native: dict[str, Tensor]) -> None:
    """Make the distillation token a register: ``dist_token`` + its position, the second of ``pos_embed``.

    Raises:
        ValueError: they do not go together.
    """
    for name in [name for name in native if name.endswith('dist_token')]:
        prefix = name.removesuffix('dist_token')
        token, positions = native[name], native[f'{prefix}pos_embed']  # (1, 1, D), (1, 2 + h w, D)
        if token.ndim != 3 or positions.ndim != 3 or token.shape[2] != positions.shape[2]:
            raise ValueError(f'not shapes of a distilled model: {tuple(token.shape)}, {tuple(positions.shape)}')
        native[f'{prefix}reg_token'] = token + positions[:, 1:2]
        del native[name]
        native[f'{prefix}pos_embed'] = torch.cat([positions[:, :1], positions[:, 2:]], dim=1)
