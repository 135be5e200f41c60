"""Which pixels the host's OHEMPixelSampler lets count, without logits at full size.

B batch, H W size of the labels. Nothing here waits for a GPU.
"""

from collections.abc import Sequence

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import OHEMPixelSampler
from torch import Tensor

from mmseg_vitseg.models.losses.sums import Sums
from mmseg_vitseg.models.small_logits import SmallLogits
from mmseg_vitseg.ops.strip_terms import CROSS_ENTROPY, Term
from mmseg_vitseg.ops.upsample_sums import upsample_losses


def samples_small(head: BaseDecodeHead, losses: Sequence[Sums]) -> bool:
    """Tell heads without a sampler, or with the host's where it does not fail, from others."""
    if head.sampler is None:
        return True
    if type(head.sampler) is not OHEMPixelSampler or head.ignore_index is None:
        return False
    if head.sampler.thresh is not None:
        return head.out_channels != 1
    return all(one.of_pixel is not None for one in losses)


def sample(head: BaseDecodeHead, small: SmallLogits, labels: Tensor, losses: Sequence[Sums]) -> Tensor | None:
    """Return how much the sampler of a head lets each pixel of (B, H, W) count, 1 or 0; None without one.

    With a threshold, these are the pixels whose label is less probable than it, or than that of the ``min_kept`` least
    probable; without, the ``min_kept`` pixels that lose most.
    """
    sampler = head.sampler
    if sampler is None:
        return None
    counted, kept = labels != head.ignore_index, sampler.min_kept * len(labels)
    if sampler.thresh is None:
        lost = upsample_losses(small.logits, labels, [one.of_pixel for one in losses], small.resampling)
        most = _of_all(lost.where(counted, -torch.inf), kept, largest=True).indices
        return torch.zeros_like(lost).flatten().scatter_(0, most, 1).view_as(lost) * counted
    lost = upsample_losses(small.logits, labels, [Term(CROSS_ENTROPY, (head.ignore_index,))], small.resampling)
    probability = lost.neg().exp().where(counted, torch.inf)
    least = _of_all(probability, kept + 1, largest=False).values
    highest = least.where(least.isfinite(), 0).amax().clamp(min=sampler.thresh)
    return (probability < highest).to(lost.dtype)


def _of_all(x: Tensor, count: int, *, largest: bool):
    return x.flatten().topk(min(count, x.numel()), largest=largest, sorted=False)
