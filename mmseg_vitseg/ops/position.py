"""Learned position embeddings on a patch grid."""

import torch
import torch.nn.functional as F
from torch import Tensor


def resize_position_grid(
    positions: Tensor,
    old_grid: tuple[int, int],
    new_grid: tuple[int, int],
    *,
    mode: str = 'bicubic',
    antialias: bool = False,
) -> Tensor:
    """Resize learned position embeddings from one patch grid to another.

    Args:
        positions: (1, T + h w, D); T leading entries (the class token's) have no place on the grid and are kept as is.
        old_grid: (h, w), the grid that the embeddings were learned on.
        new_grid: (h', w'), the grid wanted.
        mode: ``bicubic`` (ViT, DINOv2, the host's default) or ``bilinear`` (the host's SETR).
        antialias: as timm does; matters when the grid shrinks.

    Returns:
        (1, T + h' w', D); computed in float32 and returned in the input's dtype, since bicubic weights overshoot and
        lose digits in half precision.
    """
    # a size that is being traced is no int: such a graph always resizes, to the same size too, which is a copy
    if all(isinstance(new, int) and new == old for new, old in zip(new_grid, old_grid, strict=True)):
        return positions
    tokens = positions.shape[1] - old_grid[0] * old_grid[1]
    prefix, patches = positions[:, :tokens], positions[:, tokens:]
    grid = patches.float().transpose(1, 2).unflatten(2, old_grid)  # (1, D, h, w)
    grid = F.interpolate(grid, size=new_grid, mode=mode, align_corners=False, antialias=antialias)
    patches = grid.flatten(2).transpose(1, 2).to(positions.dtype)  # (1, h' w', D)
    return torch.cat([prefix, patches], dim=1)
