"""What one layer of a model's backbone does with a picture.

H W size of the picture in pixels, N tokens, n keys, M heads, h w a grid of tokens.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from mmseg_vitseg.datasets.reader import Picture
from mmseg_vitseg.inference.model import prepare, shown_picture
from mmseg_vitseg.inspecting.attention import attention_weights, rollout
from mmseg_vitseg.inspecting.features import colours_of
from mmseg_vitseg.inspecting.forward_pass import Layer, layers_of, send_through
from mmseg_vitseg.models.vit import VisionTransformer


@dataclass(frozen=True)
class Look:
    """What a layer does with a picture; maps are of the picture's size, NaN where no token lies.

    Args:
        layer: which one, counted from 0.
        heads: how many it has.
        attention: (H, W), the weight that the query gives to each place's token.
        rollout: (H, W), how much of each place's token has come to the query from layer 0 on; None of a
            :class:`MixVisionTransformer`, whose layers have other tokens each.
        components: (H, W, 3), the first principal components of the layer's features, each from 0 to 1.
        picture: (H, W, 3), uint8, RGB, as it is shown.
        point: the query's column and row.
    """

    layer: int
    heads: int
    attention: np.ndarray
    rollout: np.ndarray | None
    components: np.ndarray
    picture: np.ndarray
    point: tuple[int, int]


@torch.no_grad()
def look(
    model: nn.Module,
    picture: Picture,
    point: tuple[int, int] | None = None,
    layer: int = -1,
    head: int | None = None,
) -> Look:
    """Send a picture through the backbone, whole, also where the config predicts in windows, and look at one layer.

    Args:
        model: :func:`~mmseg_vitseg.inference.model.load_model`'s.
        picture: a file, a PIL picture or an array, as :func:`~mmseg_vitseg.inference.model.predict` takes them.
        point: the query's column and row in the picture; None for its middle.
        layer: a block, counted from 0, or from the end if negative.
        head: an attention head, counted from 0; None for the mean of all.

    Raises:
        FileNotFoundError, ValueError: a file is missing or no picture; a point, layer or head that is not there, or another
            project's backbone.
    """
    layers = layers_of(model.backbone)
    sample = prepare(model, picture)
    size = sample['picture'].shape[:2]
    column, row = (size[1] // 2, size[0] // 2) if point is None else point
    check_choice(layers, size, (column, row), layer, head)
    index = layer % len(layers)
    layers = layers[: index + 1]
    chosen, attentions = layers[-1], [one.block.attn for one in layers]

    run = send_through(model, sample, layers)
    query = run.token_at(row, column)
    weights = attention_weights(attentions[-1], run.inputs[-1], query, run.positions)[0, :, 0]  # (M, n)
    reduction = chosen.key_cell // chosen.cell
    key_grid = run.grid[0] // reduction, run.grid[1] // reduction

    def spread(values: Tensor, grid: tuple[int, int], cell: int) -> np.ndarray:
        patches = values[len(values) - grid[0] * grid[1] :].unflatten(0, grid)
        return over_picture(patches.float().cpu().numpy(), cell, run.scale, size)

    rolled = None
    if isinstance(model.backbone, VisionTransformer):
        rolled = spread(rollout(attentions, run.inputs, query, run.positions), run.grid, chosen.cell)
    return Look(
        layer=index,
        heads=len(weights),
        attention=spread(weights.mean(0) if head is None else weights[head], key_grid, chosen.key_cell),
        rollout=rolled,
        components=spread(colours_of(run.features), run.grid, chosen.cell),
        picture=shown_picture(model, sample),
        point=(column, row),
    )


def check_choice(
    layers: list[Layer], size: tuple[int, int], point: tuple[int, int], layer: int, head: int | None
) -> None:
    """Check that the point, the layer and the head are there, in a picture of ``size`` (H, W).

    Raises:
        ValueError: one is not.
    """
    (height, width), (column, row), count = size, point, len(layers)
    if not (0 <= column < width and 0 <= row < height):
        raise ValueError(f'point {column} {row}: allowed: 0 to {width - 1} and 0 to {height - 1}, column and row')
    if not -count <= layer < count:
        raise ValueError(f'layer {layer}: there are {count}; allowed: {-count} to {count - 1}')
    heads = layers[layer].block.attn.num_heads
    if head is not None and not 0 <= head < heads:
        raise ValueError(f'head {head}: layer {layer % count} has {heads}; allowed: 0 to {heads - 1}')


def over_picture(values: np.ndarray, cell: int, scale: tuple[float, float], size: tuple[int, int]) -> np.ndarray:
    """Give each pixel of a picture the value of the token that it lies in, NaN where there is none.

    Args:
        values: (h, w, ...), of tokens.
        cell: pixels of the network's input from one token to the next.
        scale: pixels of the input for one of the picture, down and across.
        size: (H, W).

    Returns:
        (H, W, ...).
    """
    padded = np.pad(values, [(0, 1), (0, 1)] + [(0, 0)] * (values.ndim - 2), constant_values=np.nan)
    down, across = (
        np.minimum(((np.arange(length) + 0.5) * factor / cell).astype(int), count)
        for length, factor, count in zip(size, scale, values.shape, strict=False)
    )
    return padded[down][:, across]
