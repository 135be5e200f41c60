"""Where the kernels are used: on NVIDIA's GPUs from Ampere on, if triton is installed, unless they are turned off."""

import os
from functools import lru_cache
from importlib.util import find_spec

import torch
from torch import Tensor

from mmseg_vitseg.machine import as_on_cuda

VARIABLE = (
    'MMSEG_VITSEG_FUSED'  # 0: strips. Of the environment: it reaches every command, rank and worker, by no config
)
DTYPES = (torch.float32, torch.float16, torch.bfloat16)  # computed in float32


def is_fused(logits: Tensor) -> bool:
    """Tell whether loss and labels of these logits come from the kernels, or else from strips."""
    if not as_on_cuda(logits.device) or logits.dtype not in DTYPES or os.environ.get(VARIABLE) == '0':
        return False
    return logits.device.type == 'meta' or _has_compiler(logits.device)


@lru_cache
def _has_compiler(device: torch.device) -> bool:
    is_compiled_for = torch.version.cuda is not None and torch.cuda.get_device_capability(device) >= (8, 0)
    return is_compiled_for and find_spec('triton') is not None
