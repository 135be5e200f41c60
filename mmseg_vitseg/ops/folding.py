"""Batch norms in evaluation mode as part of the convolution beside them: no pass over the map for the norm.

C channels in, K channels out, k kernel size. The norm is x -> a (x - mean) + beta with a = gamma / sqrt(var + eps).
"""

import torch
from torch import Tensor


def fold_batch_norm(
    weight: Tensor,
    bias: Tensor | None,
    *,
    mean: Tensor,
    var: Tensor,
    eps: float,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the weight (K, C, k, k) and bias (K,) of the one convolution that equals a convolution and then a batch norm.

    Proof: of y = W x + b the norm makes (a W) x + (a (b - mean) + beta). Gradients flow to all of it.

    Args:
        weight: the convolution's.
        bias: the convolution's, (K,) or None.
        mean: running mean (K,).
        var: running variance (K,).
        eps: the norm's.
        gamma: the norm's weight (K,), None for ones.
        beta: the norm's bias (K,), None for zeros.
    """
    factor = _factor(weight, var, eps, gamma)
    shift = (-mean if bias is None else bias.to(factor.dtype) - mean) * factor
    shift = shift if beta is None else shift + beta
    return (weight * factor[:, None, None, None]).to(weight.dtype), shift.to(weight.dtype)


def fold_batch_norm_before(
    weight: Tensor,
    bias: Tensor | None,
    *,
    mean: Tensor,
    var: Tensor,
    eps: float,
    gamma: Tensor | None = None,
    beta: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the weight (K, C, 1, 1) and bias (K,) of the one convolution that equals a batch norm and then a convolution.

    Proof: W (a (x - mean) + beta) + b = (W a) x + (W (beta - a mean) + b). Gradients flow to all of it. The kernel is 1x1:
    a larger one sees zeros around the normed map, which are no zeros around x.

    Args:
        weight: the convolution's.
        bias: the convolution's, (K,) or None.
        mean: running mean (C,).
        var: running variance (C,).
        eps: the norm's.
        gamma: the norm's weight (C,), None for ones.
        beta: the norm's bias (C,), None for zeros.
    """
    assert weight.shape[2:] == (1, 1), weight.shape
    factor = _factor(weight, var, eps, gamma)
    shift = -mean * factor if beta is None else beta - mean * factor
    matrix = weight.flatten(1).to(factor.dtype)  # (K, C)
    shift = matrix @ shift if bias is None else bias + matrix @ shift
    return (matrix * factor)[..., None, None].to(weight.dtype), shift.to(weight.dtype)


def _factor(weight: Tensor, var: Tensor, eps: float, gamma: Tensor | None) -> Tensor:
    """Return a, in float32 at least: rounded once, half-precision models lose no more than by the norm itself."""
    factor = (var.to(torch.promote_types(weight.dtype, torch.float32)) + eps).rsqrt()
    return factor if gamma is None else gamma * factor
