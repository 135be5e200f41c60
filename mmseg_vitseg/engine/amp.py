"""Mixed precision where the host has none: on the CPU."""

from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from mmseg_vitseg.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class CPUAmpOptimWrapper(OptimWrapper):
    """The host's OptimWrapper with the forward pass under CPU autocast in bfloat16.

    bfloat16 has float32's range of exponents, so gradients need no loss scaling. The host's AmpOptimWrapper asserts a GPU.
    """

    @contextmanager
    def optim_context(self, model: nn.Module):
        """Run the model's forward pass and loss under autocast."""
        with super().optim_context(model), torch.autocast('cpu', dtype=torch.bfloat16):
            yield
