"""Numbers of a config as tensors, on the device on which they are needed; a copy from a CPU's memory makes a GPU wait."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from mmseg_vitseg.ops.defining import define

OPERATOR = 'mmseg_vitseg::constant'
define(OPERATOR, '(float[] numbers, Tensor like) -> Tensor')


def constant(numbers: Sequence[float], like: Tensor) -> Tensor:
    """Return numbers as a tensor of the dtype and on the device of another; they are copied there once."""
    return torch.ops.mmseg_vitseg.constant(numbers, like.detach())


@torch.library.impl(OPERATOR, 'default')
def _constant(numbers: Sequence[float], like: Tensor) -> Tensor:
    return on_device(tuple(numbers), like.dtype, like.device).clone()


@torch.library.register_fake(OPERATOR)
def _(numbers, like):
    return like.new_empty(len(numbers))


@lru_cache(maxsize=64)
def on_device(numbers: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the same, for use within an operator, which a compiler does not trace; nothing in it may be changed."""
    return torch.tensor(numbers, dtype=dtype, device=device)
