"""A picture through a model's backbone, and what one of its layers does there.

H W size of the picture in pixels, N tokens, D width, M heads, h w a grid of tokens.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from mmseg_vitseg.datasets.reader import Picture
from mmseg_vitseg.inference.model import prepare, shown_picture
from mmseg_vitseg.inspecting.attention import attention_weights, principal_components, rollout
from mmseg_vitseg.models.mit import MixVisionTransformer
from mmseg_vitseg.models.vit import VisionTransformer


@dataclass(frozen=True)
class Layer:
    """A block of a backbone.

    Args:
        block: the block; ``block.attn`` is its attention.
        cell: pixels of the network's input from one query to the next.
        key_cell: the same of keys, which SegFormer has fewer of.
    """

    block: nn.Module
    cell: int
    key_cell: int


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


def layers_of(backbone: nn.Module) -> list[Layer]:
    """List a backbone's blocks; those of all stages, one after the other.

    Raises:
        ValueError: it is none of this package's.
    """
    if isinstance(backbone, VisionTransformer):
        return [Layer(block, backbone.patch_size, backbone.patch_size) for block in backbone.blocks]
    if isinstance(backbone, MixVisionTransformer):
        layers, cell = [], 1
        for stage in backbone.stages:
            cell *= stage.patch_embed.proj.stride[0]
            layers += [Layer(block, cell, cell * block.attn.sr_ratio) for block in stage.blocks]
        return layers
    raise ValueError(
        f'the backbone is a {type(backbone).__name__}; attention can be seen of mmseg_vitseg.VisionTransformer and '
        "mmseg_vitseg.MixVisionTransformer (tools/upgrade_config.py makes a config's model one where it can)"
    )


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
    if not (0 <= column < size[1] and 0 <= row < size[0]):
        raise ValueError(f'point {column} {row}: allowed: 0 to {size[1] - 1} and 0 to {size[0] - 1}, column and row')
    if not -len(layers) <= layer < len(layers):
        raise ValueError(f'layer {layer}: there are {len(layers)}; allowed: {-len(layers)} to {len(layers) - 1}')
    layers = layers[: layer % len(layers) + 1]
    chosen, attentions = layers[-1], [one.block.attn for one in layers]
    heads = attentions[-1].num_heads
    if head is not None and not 0 <= head < heads:
        raise ValueError(f'head {head}: layer {len(layers) - 1} has {heads}; allowed: 0 to {heads - 1}')

    run = _run(model, sample, layers)
    places = zip((row, column), run.scale, strict=True)
    down, across = (int((position + 0.5) * factor / chosen.cell) for position, factor in places)
    query = run.extra_tokens + down * run.grid[1] + across
    weights = attention_weights(attentions[-1], run.inputs[-1], query)[0, :, 0]  # (M, n)
    reduction = chosen.key_cell // chosen.cell
    key_grid = run.grid[0] // reduction, run.grid[1] // reduction

    def spread(values: Tensor, grid: tuple[int, int], cell: int) -> np.ndarray:
        patches = values[len(values) - grid[0] * grid[1] :].unflatten(0, grid)
        return to_picture(patches.float().cpu().numpy(), cell, run.scale, size)

    rolled = None
    if isinstance(model.backbone, VisionTransformer):
        rolled = spread(rollout(attentions, run.inputs, query), run.grid, chosen.cell)
    return Look(
        len(layers) - 1,
        heads,
        spread(weights.mean(0) if head is None else weights[head], key_grid, chosen.key_cell),
        rolled,
        spread(_colours(run.features), run.grid, chosen.cell),
        shown_picture(model, sample),
        (column, row),
    )


@dataclass(frozen=True)
class _Run:
    """A picture in the backbone.

    Args:
        inputs: what the attention of each layer was given, (1, N, D) or (1, h, w, D).
        features: the last layer's output (h w, D), of the patches; normed where it is what the backbone returns normed.
        grid: (h, w) of the last layer.
        extra_tokens: class and register tokens, which stand before the patches.
        scale: pixels of the network's input for one of the picture, down and across.
    """

    inputs: list[Tensor]
    features: Tensor
    grid: tuple[int, int]
    extra_tokens: int
    scale: tuple[float, float]


def _run(model: nn.Module, sample: dict, layers: list[Layer]) -> _Run:
    data = model.data_preprocessor(dict(inputs=[sample['inputs']], data_samples=[sample['data_samples']]), False)
    backbone, last = model.backbone, layers[-1].block
    inputs: list[Tensor] = []
    outputs: list[Tensor] = []
    handles = [layer.block.attn.register_forward_pre_hook(lambda _, given: inputs.append(given[0])) for layer in layers]
    handles.append(last.register_forward_hook(lambda module, given, output: outputs.append(output)))
    try:
        backbone(data['inputs'])
    finally:
        for handle in handles:
            handle.remove()
    features = outputs[0][0].flatten(0, -2)
    if isinstance(backbone, VisionTransformer) and backbone.norm is not None and last is backbone.blocks[-1]:
        features = backbone.norm(features)
    height, width = (math.ceil(side / layers[-1].cell) for side in data['inputs'].shape[-2:])
    extra_tokens = len(features) - height * width
    across, down = sample['data_samples'].metainfo.get('scale_factor', (1, 1))
    return _Run(inputs, features[extra_tokens:], (height, width), extra_tokens, (down, across))


def to_picture(values: np.ndarray, cell: int, scale: tuple[float, float], size: tuple[int, int]) -> np.ndarray:
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


def _colours(features: Tensor) -> Tensor:
    """Return the first three principal components of (N, D), each stretched to 0 to 1, its outer hundredths cut off."""
    components = principal_components(features.float())
    low, high = components.quantile(torch.tensor([0.01, 0.99], device=components.device), dim=0)
    return ((components - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
