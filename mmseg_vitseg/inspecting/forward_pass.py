"""The layers of a backbone, and a picture's way through them. N tokens, D width, h w a grid of tokens."""

import math
from dataclasses import dataclass

from torch import Tensor, nn

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


@dataclass(frozen=True)
class Pass:
    """A picture in the backbone.

    Args:
        inputs: what the attention of each layer was given, (1, N, D) or (1, h, w, D).
        positions: rotary positions, which each was given with it; empty where there are none.
        features: the last layer's output (h w, D), of the patches; normed where it is what the backbone returns normed.
        grid: (h, w) of the last layer.
        extra_tokens: queries, class and register tokens, which stand before the last layer's patches.
        scale: pixels of the network's input for one of the picture, down and across.
        cell: of the last layer.
    """

    inputs: list[Tensor]
    positions: tuple[Tensor, ...]
    features: Tensor
    grid: tuple[int, int]
    extra_tokens: int
    scale: tuple[float, float]
    cell: int

    def token_at(self, row: int, column: int) -> int:
        """Return which token of the last layer a pixel of the picture lies in."""
        places = zip((row, column), self.scale, strict=True)
        down, across = (int((position + 0.5) * factor / self.cell) for position, factor in places)
        return self.extra_tokens + down * self.grid[1] + across


def send_through(model: nn.Module, sample: dict, layers: list[Layer]) -> Pass:
    """Send a prepared picture through a model's backbone and keep what its first layers do.

    Args:
        model: :func:`~mmseg_vitseg.inference.model.load_model`'s.
        sample: :func:`~mmseg_vitseg.inference.model.prepare`'s, of the picture.
        layers: the first ones of :func:`layers_of`, up to the one that is looked at.
    """
    data = model.data_preprocessor(dict(inputs=[sample['inputs']], data_samples=[sample['data_samples']]), False)
    backbone, last = model.backbone, layers[-1].block
    given: list[tuple[Tensor, ...]] = []
    outputs: list[Tensor] = []
    handles = [layer.block.attn.register_forward_pre_hook(lambda _, args: given.append(args)) for layer in layers]
    handles.append(last.register_forward_hook(lambda module, args, output: outputs.append(output)))
    try:
        model.extract_feat(data['inputs'])  # not the backbone alone: a segmentor may put tokens in on the way
    finally:
        for handle in handles:
            handle.remove()
    features = outputs[0][0].flatten(0, -2)
    if isinstance(backbone, VisionTransformer):
        features = backbone.normed(features, len(layers) - 1)
    height, width = (math.ceil(side / layers[-1].cell) for side in data['inputs'].shape[-2:])
    extra_tokens = len(features) - height * width
    across, down = sample['data_samples'].metainfo.get('scale_factor', (1, 1))
    inputs, patches = [x for x, *_ in given], features[extra_tokens:]
    return Pass(inputs, given[0][1:], patches, (height, width), extra_tokens, (down, across), layers[-1].cell)
