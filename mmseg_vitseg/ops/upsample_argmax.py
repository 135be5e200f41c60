"""The classes of resampled logits that are never held.

K classes, h w size of the logits, H W size of the result.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from mmseg_vitseg.machine import without_autocast
from mmseg_vitseg.ops.defining import define
from mmseg_vitseg.ops.fused.setting import is_fused
from mmseg_vitseg.ops.fused.taps import tables_of
from mmseg_vitseg.ops.precision import at_least_float32
from mmseg_vitseg.ops.resampling import Resampling, Strips, resampling_of


@torch.no_grad()
def argmax_of(logits: Tensor, resampling: Resampling, *, confidence: bool = False) -> tuple[Tensor, Tensor | None]:
    """Return the class, the first of equals, of each pixel of a resampled map of logits.

    Args:
        logits: (K, h, w).
        resampling: to (H, W).
        confidence: return the softmax's largest value too.

    Returns:
        labels (H, W), int64, and probabilities (H, W) or None.
    """
    labels, probabilities = torch.ops.mmseg_vitseg.upsample_argmax(
        logits, resampling.size, resampling.down.steps, resampling.across.steps, confidence
    )
    return labels, probabilities if confidence else None


OPERATOR = 'mmseg_vitseg::upsample_argmax'
define(
    OPERATOR,
    '(Tensor logits, SymInt[] size, SymInt[] down, SymInt[] across, bool confidence) -> (Tensor, Tensor)',
)


@torch.library.impl(OPERATOR, 'default')
def _argmax(
    logits: Tensor, size: Sequence[int], down: Sequence[int], across: Sequence[int], confidence: bool
) -> tuple[Tensor, Tensor]:
    """Find the classes: one node of a compiled graph, whatever is done within.

    Args:
        logits: (K, h, w).
        size: (H, W).
        down, across: the steps of the resampling.
        confidence: compute it.

    Returns:
        labels (H, W), int64; probabilities (H, W), float32, or (0,).
    """
    resampling = resampling_of(size, down, across)
    if is_fused(logits):
        from mmseg_vitseg.ops.fused.argmax_kernel import argmax  # imports triton

        return argmax(logits, tables_of(resampling, logits.device), confidence)
    return _in_strips(logits, resampling, confidence)


@torch.library.register_fake(OPERATOR)
def _(logits, size, down, across, confidence):
    probabilities = logits.new_empty(size if confidence else (0,), dtype=torch.float32)
    return logits.new_empty(size, dtype=torch.int64), probabilities


def _in_strips(logits: Tensor, resampling: Resampling, confidence: bool) -> tuple[Tensor, Tensor]:
    """Return what :func:`_argmax` does, from a strip of the resampled map at a time."""
    device, on_cpu = logits.device, logits.device.type == 'cpu'
    labels = torch.empty(resampling.size, dtype=torch.int64, device=device)
    probabilities = torch.empty(resampling.size if confidence else 0, dtype=torch.float32, device=device)
    for rows, strip in strips_of(logits, resampling):
        if on_cpu or confidence:
            strip -= strip.amax(1, keepdim=True)
        if confidence:
            probabilities[rows] = strip.exp().sum(1).reciprocal_().float()
        labels[rows] = first_zero(strip) if on_cpu else strip.argmax(1)
    return labels, probabilities


def first_zero(below: Tensor) -> Tensor:
    """Return the first class of the largest logit, (r, W), int64, of logits less their maximum, (r, K, W), which change.

    On CPUs torch's argmax over classes takes ten times as long as its maximum; on GPUs it is one pass. These logits, read as
    integers, are zero at the maximum and negative elsewhere, by far more than the rank of any class: after a rank that falls
    with the class is added, the maximum is the rank of the first of the best.
    """
    classes = below.shape[1]
    bits = below.view(torch.int64 if below.dtype == torch.float64 else torch.int32)
    rank = torch.arange(classes, 0, -1, dtype=bits.dtype, device=bits.device)[:, None]
    return classes - bits.add_(rank).amax(1)


def resampled(logits: Tensor, resampling: Resampling) -> Tensor:
    """Return a resampled map of logits, (K, h, w) to (K, H, W), in float32 at least; nothing in it is infinite."""
    return torch.cat([strip.transpose(0, 1) for _, strip in strips_of(logits, resampling)], dim=1)


def strips_of(logits: Tensor, resampling: Resampling) -> Iterator[tuple[slice, Tensor]]:
    """Yield the rows and the logits (r, K, W) of each strip of a resampled map (K, h, w), in float32 at least."""
    with without_autocast(logits.device):
        x = finite(logits).transpose(0, 1).contiguous()  # (h, K, w)
        strips = Strips(resampling, x.shape[1], x)
        for band in strips:
            yield slice(band.start, band.stop), strips.forward(x, band)


def finite(logits: Tensor) -> Tensor:
    """Return logits in float32 at least, none of which spreads when they are resampled.

    In a sum over a band, zero times infinity would; a logit that is no number is the largest, as in argmax; differences of
    what is left are finite, and of equals zero, not minus zero.
    """
    x = logits.to(at_least_float32(logits))
    largest = torch.finfo(x.dtype).max / 4
    return x.nan_to_num(nan=largest).clamp_(-largest, largest).add_(0.0)
