"""What a backbone and a neck hand on, found by running them on the meta device: shapes without memory or arithmetic.

B batch, D width of a level, h w its size.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import mmseg.models  # noqa: F401  (registers the host's)
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from mmseg_vitseg.config.building import leave_weights_out
from mmseg_vitseg.config.parts import Part, argument, class_of, is_known

BATCH = 2  # batch norm refuses one value a channel


@dataclass(frozen=True)
class Features:
    """What the heads get.

    Args:
        backbone: the backbone on the meta device, None where it is not known or cannot be built there.
        problem: why a known backbone could not be built, or run at the size of the pictures in training.
        outputs: the backbone's levels, (B, D, h, w) each, None where not known.
        levels: what the heads get: the neck's, or the backbone's where there is no neck.
    """

    backbone: nn.Module | None = None
    problem: Exception | None = None
    outputs: tuple[Tensor, ...] | None = None
    levels: tuple[Tensor, ...] | None = None


class OneValueError(ValueError):
    """A batch norm in training has one value a channel."""


class ShapesOnly(TorchFunctionMode):
    """On the meta device: numbers that constructors read have values; what is slow there, only its shape is worked out."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        """Call the function, or say what shape it gives."""
        kwargs = kwargs or {}
        first = args[0] if args else kwargs.get('input')
        if function is torch.linspace and kwargs.get('device') is None:  # rates of stochastic depth
            kwargs = {**kwargs, 'device': 'cpu'}
        if function is F.batch_norm and kwargs.get('training', args[5:6] == (True,)) and first[:, 0].numel() == 1:
            raise OneValueError
        if function in (F.batch_norm, F.layer_norm):
            return torch.empty_like(first)
        if function is F.interpolate and isinstance(size := kwargs.get('size', (*args, None)[1]), (list, tuple)):
            return first.new_empty((*first.shape[:2], *map(int, size)))
        return function(*args, **kwargs)


def probe(backbone: Part | None, neck: Part | None, size: tuple[int, int]) -> Features:
    """Build and run the backbone and the neck, where their classes are known; anything else stays unknown.

    Args:
        backbone, neck: of a config.
        size: (H, W) of the pictures.
    """
    if backbone is None or not is_known(class_of(backbone.node, MODELS)):
        return Features()
    try:
        module = build_on_meta(backbone)
    except Exception as error:  # constructors fail in their own ways
        return Features(problem=error)
    try:
        outputs = run_on_meta(module, meta_images(backbone, size))
    except Exception as error:
        return Features(module, error)
    return Features(module, None, outputs, through_neck(neck, outputs))


def meta_images(backbone: Part, size: tuple[int, int]) -> Tensor:
    """Return pictures (B, C, H, W)."""
    return torch.empty(
        BATCH, argument(backbone.node, 'in_channels', class_of(backbone.node, MODELS)) or 3, *size, device='meta'
    )


def build_on_meta(part: Part) -> nn.Module:
    """Build a part, in training mode and without pretrained weights, on the meta device."""
    node = copy.deepcopy(part.node)
    leave_weights_out(node)
    with torch.device('meta'), ShapesOnly():
        module = MODELS.build(node)
    module.to('meta')
    module.train()
    return module


@torch.no_grad()
def run_on_meta(module: nn.Module, *inputs) -> tuple[Tensor, ...] | None:
    """Run a module; None where what it returns is not levels (B, D, h, w)."""
    with ShapesOnly():
        outputs = module(*inputs)
    levels = isinstance(outputs, (list, tuple)) and all(
        isinstance(output, Tensor) and output.ndim == 4 for output in outputs
    )
    return tuple(outputs) if levels else None


def runs_on_meta(module: nn.Module, *inputs) -> bool:
    """Tell whether a module takes these inputs."""
    try:
        run_on_meta(module, *inputs)
    except Exception:  # in their own ways
        return False
    return True


def through_neck(neck: Part | None, outputs: tuple[Tensor, ...] | None) -> tuple[Tensor, ...] | None:
    """Return what the heads get of the backbone's levels, None where not known."""
    if neck is None or outputs is None:
        return outputs
    try:
        return run_on_meta(build_on_meta(neck), outputs) if is_known(class_of(neck.node, MODELS)) else None
    except Exception:  # in their own ways; levels.py tells why
        return None


def as_declared(levels: Sequence[Tensor], widths: dict[int, int]) -> list[Tensor]:
    """Return levels of these widths at these indices, as many as it takes: what a head or a neck says it gets."""
    count = max([len(levels), *(index + 1 for index in widths), *(-index for index in widths)])
    made = [*levels, *[levels[-1]] * (count - len(levels))]
    for index, width in widths.items():
        batch, _, height, rest = made[index].shape
        made[index] = torch.empty(batch, width, height, rest, device='meta')
    return made
