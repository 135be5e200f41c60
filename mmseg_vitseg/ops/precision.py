"""In which dtype losses are computed, and in which their sums are added up."""

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> torch.dtype:
    """Return the dtype in which losses of logits are computed."""
    return torch.promote_types(x.dtype, torch.float32)


def exact(device: torch.device) -> torch.dtype:
    """Return the dtype in which sums over pixels are added up."""
    return torch.float32 if device.type == 'mps' else torch.float64  # which Apple's GPUs lack
