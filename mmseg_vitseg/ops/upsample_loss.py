"""Cross-entropy of upsampled logits that are never held.

B batch, K classes, h w size of the logits, H W size of the labels.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmseg_vitseg.labels import IGNORED, check_labels
from mmseg_vitseg.ops.resampling import Resampling, Strips, resizings

EPS = torch.finfo(torch.float32).eps  # the host's guard against a batch without a label


class Loss(NamedTuple):
    """What :func:`upsample_cross_entropy` returns."""

    loss: Tensor  # scalar, float32 (float64 of float64)
    accuracy: Tensor  # (1,), per cent of the pixels that are not ignored, as the host's ``accuracy``


def upsample_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    *,
    align_corners: bool = False,
    resampling: Resampling | None = None,
    ignore_index: int = IGNORED,
    class_weight: Tensor | None = None,
    avg_non_ignore: bool = False,
    reduction: str = 'mean',
) -> Loss:
    """Return the host's CrossEntropyLoss of logits that are resized bilinearly to the labels' size.

    Logits, softmax and gradient at full size exist for a strip of rows at a time; the gradient is computed in the forward
    pass and kept at the size of ``logits``. Memory beyond the logits' own does not grow with K H W.

    Args:
        logits: (B, K, h, w); computed in float32 at least, whatever autocast says.
        labels: (B, H, W), int64.
        align_corners: of the resizing.
        resampling: what the logits go through instead of one resizing.
        ignore_index: the label of pixels that do not count.
        class_weight: (K,), or None.
        avg_non_ignore: take the mean over the pixels that are not ignored, not over all.
        reduction: ``mean`` or ``sum``.

    Raises:
        ValueError: a label that is neither a class nor ``ignore_index``; another reduction; shapes that do not fit.
    """
    if reduction not in ('mean', 'sum'):
        raise ValueError(f"upsample_cross_entropy: reduction={reduction!r}; allowed: 'mean', 'sum'")
    if logits.ndim != 4 or labels.ndim != 3 or len(logits) != len(labels):
        raise ValueError(
            f'upsample_cross_entropy: logits {tuple(logits.shape)} and labels {tuple(labels.shape)}; '
            'allowed: (B, K, h, w) and (B, H, W)'
        )
    check_labels(labels, logits.shape[1], ignore_index)
    valid = labels != ignore_index
    weights = _weights(labels, valid, class_weight, mean=reduction == 'mean', avg_non_ignore=avg_non_ignore)
    if resampling is None:
        resampling = resizings(tuple(logits.shape[-2:]), (tuple(labels.shape[-2:]),), align_corners)
    total, correct = _UpsampleCrossEntropy.apply(logits, labels, weights, valid, resampling)
    return Loss(total, (correct + EPS) * 100 / (valid.sum() + EPS))


def _weights(labels: Tensor, valid: Tensor, class_weight: Tensor | None, *, mean: bool, avg_non_ignore: bool) -> Tensor:
    """Return how much each pixel's loss counts, (B, H, W)."""
    weights = valid.to(torch.float32)
    if class_weight is not None:
        weights = class_weight[labels.where(valid, 0)] * weights
    if not mean:
        return weights
    counted = weights.sum() if class_weight is not None or avg_non_ignore else labels.numel()
    return weights / (counted + EPS)


class _UpsampleCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits: Tensor, labels: Tensor, weights: Tensor, valid: Tensor, resampling: Resampling):
        """Return the weighted sum of the losses, and how many pixels are right, (1,); keep the gradient at (B, K, h, w)."""
        dtype = torch.promote_types(logits.dtype, torch.float32)
        with torch.no_grad(), torch.autocast(logits.device.type, enabled=False):
            x = logits.to(dtype).transpose(1, 2).contiguous()  # (B, h, K, w): rows of a strip stand together
            weights = weights.to(dtype)
            targets = labels.where(valid, 0)
            gradient = torch.zeros_like(x) if ctx.needs_input_grad[0] else None
            total, correct = x.new_zeros(()), x.new_zeros(1)
            strips = Strips(resampling, x.shape[2], x)
            for image in range(len(x)):
                for band in strips:
                    rows = slice(band.start, band.stop)
                    strip = strips.forward(x[image], band)  # (r, K, W)
                    target = targets[image, rows, None]  # (r, 1, W)
                    weight = weights[image, rows, None]
                    strip -= strip.amax(1, keepdim=True)
                    picked = strip.gather(1, target)
                    correct += ((picked == 0) & valid[image, rows, None]).sum()
                    exponentials = strip.exp_()
                    sums = exponentials.sum(1, keepdim=True)
                    total += ((sums.log() - picked) * weight).sum()
                    if gradient is not None:
                        exponentials *= weight / sums  # softmax, weighted
                        exponentials.scatter_add_(1, target, -weight)
                        strips.backward(exponentials, gradient[image], band)
        ctx.mark_non_differentiable(correct)
        if gradient is not None:
            ctx.save_for_backward(gradient.transpose(1, 2))  # (B, K, h, w)
        ctx.dtype = logits.dtype
        return total, correct

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_total: Tensor, _):
        (gradient,) = ctx.saved_tensors
        return (gradient * grad_total).to(ctx.dtype), None, None, None, None
