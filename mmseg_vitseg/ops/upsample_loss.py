"""Cross-entropy of upsampled logits that are never held.

B batch, K classes, h w size of the logits, H W size of the labels.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mmseg_vitseg.labels import IGNORED, usable_labels
from mmseg_vitseg.machine import without_autocast
from mmseg_vitseg.ops.defining import define
from mmseg_vitseg.ops.fused.setting import is_fused
from mmseg_vitseg.ops.fused.taps import tables_of
from mmseg_vitseg.ops.on_device import on_device
from mmseg_vitseg.ops.precision import at_least_float32, exact
from mmseg_vitseg.ops.resampling import Resampling, Strips, resampling_of, resizings

EPS = torch.finfo(torch.float32).eps  # the host's guard against a batch without a label


class Loss(NamedTuple):
    """What :func:`upsample_cross_entropy` returns."""

    loss: Tensor  # scalar, float32 (float64 of float64)
    accuracy: Tensor  # (1,), float32, per cent of the pixels that are not ignored, as the host's ``accuracy``


def upsample_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    *,
    align_corners: bool = False,
    resampling: Resampling | None = None,
    ignore_index: int = IGNORED,
    class_weight: Sequence[float] | None = None,
    avg_non_ignore: bool = False,
    reduction: str = 'mean',
) -> Loss:
    """Return the host's CrossEntropyLoss of logits that are resized bilinearly to the labels' size.

    Logits, softmax and gradient at full size exist for a strip of rows at a time, or in a kernel's registers (ops/fused);
    the gradient is computed in the forward pass and kept at the size of ``logits``. Memory beyond the logits' own does not
    grow with K H W.

    Args:
        logits: (B, K, h, w); computed in float32 at least, whatever autocast says.
        labels: (B, H, W), int64.
        align_corners: of the resizing.
        resampling: what the logits go through instead of one resizing.
        ignore_index: the label of pixels that do not count.
        class_weight: K numbers, or None; they are copied to a device once.
        avg_non_ignore: take the mean over the pixels that are not ignored, not over all.
        reduction: ``mean`` or ``sum``.

    Raises:
        ValueError: a label that is neither a class nor ``ignore_index``, which makes the loss NaN on CUDA, where nothing
            waits for it; another reduction; shapes that do not fit.
    """
    if reduction not in ('mean', 'sum'):
        raise ValueError(f"upsample_cross_entropy: reduction={reduction!r}; allowed: 'mean', 'sum'")
    if logits.ndim != 4 or labels.ndim != 3 or len(logits) != len(labels):
        raise ValueError(
            f'upsample_cross_entropy: logits {tuple(logits.shape)} and labels {tuple(labels.shape)}; '
            'allowed: (B, K, h, w) and (B, H, W)'
        )
    if class_weight and len(class_weight) != logits.shape[1]:  # on a GPU, a kernel would read past its end
        raise ValueError(f'upsample_cross_entropy: {len(class_weight)} class weights of {logits.shape[1]} classes')
    if resampling is None:
        resampling = resizings(tuple(logits.shape[-2:]), (tuple(labels.shape[-2:]),), align_corners)
    with_gradient = logits.requires_grad and torch.is_grad_enabled()
    sums, _ = torch.ops.mmseg_vitseg.upsample_cross_entropy(
        logits,
        labels,
        class_weight or (),
        resampling.down.steps,
        resampling.across.steps,
        ignore_index,
        with_gradient,
    )
    total = sums[0]
    _, weights, right, valid = sums.detach().unbind()
    if reduction == 'mean':
        counted = weights if class_weight is not None or avg_non_ignore else labels.numel()
        total = total / (counted + EPS)
    dtype = at_least_float32(logits)
    return Loss(total.to(dtype), accuracy_of(right, valid))


def accuracy_of(right: Tensor, counted: Tensor) -> Tensor:
    """Return the host's accuracy, per cent, (1,), float32, of how many pixels are right and how many count."""
    return ((right + EPS) * 100 / (counted + EPS)).float()[None]


OPERATOR = 'mmseg_vitseg::upsample_cross_entropy'
define(
    OPERATOR,
    '(Tensor logits, Tensor labels, float[] class_weight, SymInt[] down, SymInt[] across, SymInt ignore_index, '
    'bool with_gradient) -> (Tensor, Tensor)',
)


@torch.library.impl(OPERATOR, 'default')
def _sums(
    logits: Tensor,
    labels: Tensor,
    class_weight: Sequence[float],
    down: Sequence[int],
    across: Sequence[int],
    ignore_index: int,
    with_gradient: bool,
) -> tuple[Tensor, Tensor]:
    """Sum up over the pixels: one node of a compiled graph, whatever is done within.

    Args:
        logits: (B, K, h, w).
        labels: (B, H, W), int64.
        class_weight: K numbers, or none.
        down, across: the steps of the resampling.
        ignore_index: the label of pixels that do not count.
        with_gradient: compute it.

    Returns:
        sums (4,), of :func:`exact`: of the weighted losses, the weights, the pixels that are right, and those that count;
        the gradient of the first by the logits, (B, K, h, w), float32 (float64 of float64), or (0,).
    """
    resampling = resampling_of(labels.shape[-2:], down, across)
    dtype = at_least_float32(logits)
    weight = on_device(tuple(class_weight), dtype, logits.device) if class_weight else None
    if is_fused(logits):
        from mmseg_vitseg.ops.fused.loss_kernels import cross_entropy  # imports triton

        tables = tables_of(resampling, logits.device)
        return cross_entropy(logits, labels, weight, tables, ignore_index, with_gradient)
    labels, wrong = usable_labels(labels, logits.shape[1], ignore_index)
    sums, gradient = _in_strips(logits, labels, weight, resampling, ignore_index, with_gradient)
    if wrong is not None:
        sums[0].masked_fill_(wrong, torch.nan)
    return sums, gradient


@torch.library.register_fake(OPERATOR)
def _(logits, labels, class_weight, down, across, ignore_index, with_gradient):
    dtype = at_least_float32(logits)
    size = logits.shape if with_gradient else (0,)
    return logits.new_empty(4, dtype=exact(logits.device)), torch.empty(size, dtype=dtype, device=logits.device)


def _keep(ctx, inputs: tuple, output: tuple[Tensor, Tensor]) -> None:
    ctx.mark_non_differentiable(output[1])
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(output[1])
    ctx.dtype = inputs[0].dtype


@once_differentiable
def _scaled(ctx, grad_sums: Tensor | None, _) -> tuple[Tensor | None, ...]:
    (gradient,) = ctx.saved_tensors
    of_logits = None if grad_sums is None else (gradient * grad_sums[0].to(gradient.dtype)).to(ctx.dtype)
    return of_logits, *[None] * 6


torch.library.register_autograd(OPERATOR, _scaled, setup_context=_keep)


@torch.no_grad()
def _in_strips(
    logits: Tensor,
    labels: Tensor,
    class_weight: Tensor | None,
    resampling: Resampling,
    ignore_index: int,
    with_gradient: bool,
) -> tuple[Tensor, Tensor]:
    """Return what :func:`_sums` does, from a strip of the logits at full size at a time."""
    dtype = at_least_float32(logits)
    with without_autocast(logits.device):
        x = logits.to(dtype).transpose(1, 2).contiguous()  # (B, h, K, w): rows of a strip stand together
        valid = labels != ignore_index
        targets = labels.where(valid, 0)
        weights = valid.to(dtype) if class_weight is None else class_weight[targets] * valid
        gradient = torch.zeros_like(x) if with_gradient else None
        total, correct = x.new_zeros(()), x.new_zeros(())
        strips = Strips(resampling, x.shape[2], x, len(x))
        for images, band in strips.of_batch():
            rows = slice(band.start, band.stop)
            strip = strips.forward(x[images], band)  # (..., r, K, W)
            target = targets[images, rows, None]  # (..., r, 1, W)
            weight = weights[images, rows, None]
            strip -= strip.amax(-2, keepdim=True)
            picked = strip.gather(-2, target)
            correct += ((picked == 0) & valid[images, rows, None]).sum()
            exponentials = strip.exp_()
            sums = exponentials.sum(-2, keepdim=True)
            total += ((sums.log() - picked) * weight).sum()
            if gradient is not None:
                exponentials *= weight / sums  # softmax, weighted
                exponentials.scatter_add_(-2, target, -weight)
                strips.backward(exponentials, gradient[images], band)
    sums = torch.stack([part.to(exact(x.device)) for part in (total, weights.sum(), correct, valid.sum())])
    return sums, x.new_empty(0) if gradient is None else gradient.transpose(1, 2).contiguous()
