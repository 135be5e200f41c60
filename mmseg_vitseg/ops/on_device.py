"""Numbers of a config as tensors, on the device on which they are needed."""

from functools import lru_cache

import torch
from torch import Tensor


@lru_cache(maxsize=64)
def on_device(numbers: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return numbers as a tensor; they are copied once, as a GPU is waited for then.

    Of a tensor that is kept, nothing may be changed. To call it, be inside an operator: a compiler would trace it.
    """
    return torch.tensor(numbers, dtype=dtype, device=device)
