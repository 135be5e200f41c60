"""Convolutions in the memory layout in which cuDNN runs them; the meta device's results all have channels first.

cuDNN runs with channels last where the images or the weight have them last. What lies otherwise is copied first, and so do
results lie. Depthwise ones with channels first are torch's own kernels, which add the bias.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def launches(args: Sequence, result: object) -> int:
    """Return the kernels of ``aten.convolution``: copies, the convolution, the bias."""
    images, weight, bias, groups = args[0], args[1], args[2], args[8]
    layout = _layout(images, weight)
    own_kernel = layout is torch.contiguous_format and groups == images.shape[1] > 1 == weight.shape[1]
    return _copies(layout, images, weight) + 1 + (bias is not None and not own_kernel)


def launches_backward(args: Sequence, result: object) -> int:
    """Return the kernels of ``aten.convolution_backward``: copies, then one for each gradient that is asked for."""
    gradient, images, weight = args[:3]
    return _copies(_layout(images, weight), gradient, images, weight) + sum(map(bool, args[-1]))


def relaid(name: str, args: Sequence, result):
    """Return the results of either as they lie in memory on CUDA."""
    if name == 'convolution':
        return result.contiguous(memory_format=_layout(args[0], args[1]))
    layout = _layout(args[1], args[2])
    return tuple(one.contiguous(memory_format=layout) if one is not None and one.ndim == 4 else one for one in result)


def _layout(images: Tensor, weight: Tensor) -> torch.memory_format:
    return torch.channels_last if _is_last(images) or _is_last(weight) else torch.contiguous_format


def _is_last(x: Tensor) -> bool:
    return x.ndim == 4 and not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)


def _copies(layout: torch.memory_format, *tensors: Tensor) -> int:
    return sum(not one.is_contiguous(memory_format=layout) for one in tensors)
