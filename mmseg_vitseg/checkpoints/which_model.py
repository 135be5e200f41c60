"""Which ViT or MiT has these weights, told from their names and shapes."""

import math
from collections.abc import Iterable, Mapping

from torch import Tensor

from mmseg_vitseg.architectures import DINOV3, LETTERS, MITS, VITS

QUERIES = 'decode_head.q.weight'  # of EoMT


def model_of(
    weights: Mapping[str, Tensor], prefix: str, patch_size: int | None = None, grid: tuple[int, int] | None = None
) -> str | None:
    """Say in a few words which ViT or MiT has these weights, such as ``ViT-L/16 at 384``; of EoMT, with how many queries.

    Args:
        weights: our name -> tensor.
        prefix: what stands before the backbone's names.
        patch_size: where it is known; a ViT's kernel of four dimensions tells it.
        grid: (h, w) where it is known; otherwise taken for square.

    Returns:
        None for anything else.
    """
    own = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    queries = f' with {len(weights[QUERIES])} queries' if QUERIES in weights else ''
    kernel, positions = own.get('patch_embed.proj.weight'), own.get('pos_embed')
    if kernel is not None and kernel.ndim > 1:
        if patch_size is None:
            patch_size = kernel.shape[-1] if kernel.ndim == 4 else math.isqrt(kernel.shape[-1] // 3)
        if positions is None:
            return f'{_vit("DINOv3", DINOV3, own)}{patch_size}{queries}' if 'reg_token' in own else None
        if positions.ndim == 3:
            side = math.isqrt(positions.shape[1])  # with a class token's entry or without
            height, width = grid or (side, side)
            image = f'{height * patch_size}' if height == width else f'{height * patch_size}x{width * patch_size}'
            return f'{_vit("ViT", VITS.keys() - DINOV3, own)}{patch_size} at {image}{queries}'
    stem = own.get('stages.0.patch_embed.proj.weight')
    return None if stem is None else _mit(len(stem), depth_of(own))


def query_blocks_of(weights: Mapping[str, Tensor]) -> int | None:
    """Return how many blocks the queries of EoMT pass, which a file of its authors or of Hugging Face says; else None."""
    return next((len(value) for name, value in weights.items() if name.endswith('attn_mask_probs')), None)


def depth_of(names: Iterable[str]) -> tuple[int, ...]:
    """Return the number of blocks in each stage of a MiT, or in the only one of a ViT, from a backbone's names."""
    names = list(names)
    stages = _count(names, 'stages.')
    return tuple(_count(names, f'stages.{stage}.blocks.') for stage in range(stages)) or (_count(names, 'blocks.'),)


def usual_depths(weights: Mapping[str, Tensor]) -> set[tuple[int, ...]]:
    """Return what :func:`depth_of` is of the published models of a backbone's width; none where no model has that width."""
    stem, kernel = weights.get('stages.0.patch_embed.proj.weight'), weights.get('patch_embed.proj.weight')
    variants, weight = (MITS, stem) if stem is not None else (VITS, kernel)
    width = None if weight is None else len(weight)
    depths = [row.num_layers for row in variants.values() if row.embed_dims == width]
    return {depth if isinstance(depth, tuple) else (depth,) for depth in depths}


def vit_of(weights: Mapping[str, Tensor], variants: Iterable[str] = VITS) -> str | None:
    """Return the variant that has a ViT's width, depth and kind of MLP; None where no published one has."""
    width, (depth,) = len(weights['patch_embed.proj.weight']), depth_of(weights)
    gated = 'blocks.0.mlp.fc1_g.weight' in weights
    for name in LETTERS.keys() & variants:
        row = VITS[name]
        if (row.embed_dims, row.num_layers, row.mlp == 'swiglu') == (width, depth, gated):
            return name
    return None


def _vit(family: str, variants: Iterable[str], weights: Mapping[str, Tensor]) -> str:
    """Return a ViT's name, up to the size of its patches."""
    if (name := vit_of(weights, variants)) is not None:
        return f'{family}-{LETTERS[name]}/'
    return f'{family} of {depth_of(weights)[0]} blocks, width {len(weights["patch_embed.proj.weight"])}, patches '


def _mit(width: int, depths: tuple[int, ...]) -> str:
    names = {(row.embed_dims, row.num_layers): name for name, row in MITS.items() if name}
    name = names.get((width, depths))
    return f'MiT-{name.upper()}' if name else f'MiT of {depths} blocks, width {width} and up'


def _count(names: list[str], prefix: str) -> int:
    numbers = {name.removeprefix(prefix).split('.')[0] for name in names if name.startswith(prefix)}
    return 1 + max(map(int, numbers), default=-1)
