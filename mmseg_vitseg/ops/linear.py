"""Linear layers on a CPU by oneDNN, the one of torch's two libraries that uses AVX-512 on AMD's processors.

B ... batch dimensions, C channels in, K channels out. torch convolves by oneDNN, but multiplies float32 matrices by MKL,
which leaves AVX-512 to Intel's own processors. The numbers are the same but for the order in which products are summed.
Weights are packed anew in each call, which costs 3 % at 1024 tokens: nothing that could go stale when they are trained,
loaded, moved or copied, and no memory.
"""

import os

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx

# 1: oneDNN. Of the environment: it reaches every command, rank and worker, by no config. Not the default: torch keeps up to
# 1024 kernels, one for each number of tokens and size of weight, of 0.6 MiB each (LRU_CACHE_CAPACITY says how many)
VARIABLE = 'MMSEG_VITSEG_ONEDNN'


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Map (B ..., C) to (B ..., K) by a weight (K, C), as torch's own, and bias (K,) or None; any device and dtype."""
    if not _is_onednns(x, weight):
        return F.linear(x, weight, bias)
    return _Linear.apply(x, weight, bias) if torch.is_grad_enabled() else _multiply(x, weight, bias)


def _is_onednns(x: Tensor, weight: Tensor) -> bool:
    """Tell whether oneDNN multiplies: plain float32 tensors on a CPU, where nobody traces the model."""
    return (
        not torch.compiler.is_compiling()  # inductor chooses by itself; exported graphs have torch's own layer
        and os.environ.get(VARIABLE) == '1'
        and not torch.jit.is_tracing()
        and all(type(one) in (Tensor, nn.Parameter) and one.dtype == torch.float32 for one in (x, weight))
        and x.device.type == weight.device.type == 'cpu'
        and not torch.is_autocast_enabled('cpu')
        and x.numel() > 0  # which oneDNN does not always take
        and torch.backends.mkldnn.is_available()
        and torch.backends.mkldnn.enabled
    )


def _multiply(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, 'none', [], '')


class _Linear(torch.autograd.Function):
    """The layer with gradients, which have gradients themselves."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _multiply(x, weight, bias)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        rows, grads = x.reshape(-1, x.shape[-1]), grad.reshape(-1, grad.shape[-1])  # (n, C), (n, K)
        return (
            linear(grad, weight.t(), None) if of_x else None,
            _product(grads, rows) if of_weight else None,
            grads.sum(0) if of_bias else None,
        )


def _product(grads: Tensor, rows: Tensor) -> Tensor:
    """Return the sum over n of (n, K) and (n, C), (K, C): by its longer side, which is the faster."""
    if grads.shape[1] > rows.shape[1]:
        return linear(rows.t(), grads.t(), None).t()
    return linear(grads.t(), rows.t(), None)
