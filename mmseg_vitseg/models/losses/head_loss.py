"""How a head's loss is computed, the host's heads and ours: in strips where it can be, else by the host's own method.

B batch, K classes, h w size of the logits that a head computes, H W size of the labels.
"""

from collections.abc import Callable

import numpy as np
import torch
from mmseg.models import losses as host
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_vitseg.models.losses.label_errors import check_masks, ignored_by_losses, takes_labels, usable_masks
from mmseg_vitseg.models.losses.modules import CrossEntropyLoss, check_one_logit
from mmseg_vitseg.models.small_logits import small_logits, trains_small
from mmseg_vitseg.ops.upsample_loss import upsample_cross_entropy


def head_loss(
    head: nn.Module,
    features: tuple[Tensor, ...],
    samples: list[SegDataSample],
    by_the_host: Callable[[list[SegDataSample]], dict[str, Tensor]],
) -> dict[str, Tensor]:
    """Return the host's losses and accuracy of a head.

    Args:
        head: the host's or ours.
        features: its feature maps.
        samples: data samples with labels of (H, W).
        by_the_host: computes them, of data samples, from logits at full size.

    Raises:
        ValueError: labels that are no class, which on CUDA make the losses NaN, as nothing waits for them there; a loss
            that learns nothing of one logit, or the inverse.
    """
    if trains_small(head) and has_plain_loss(head):
        return _loss_in_strips(head, features, samples)
    if takes_labels(head):  # the host's losses would meet these late, or in silence
        check_one_logit(head)
        samples, wrong = usable_masks(head, samples, *ignored_by_losses(head))
        losses = by_the_host(samples)
        if wrong is None:
            return losses
        return {name: one.masked_fill(wrong, torch.nan) if 'loss' in name else one for name, one in losses.items()}
    return by_the_host(samples)


def has_plain_loss(head: BaseDecodeHead) -> bool:
    """Tell heads with the host's or our cross-entropy over classes, averaged or summed, from those with any other loss."""
    criterion = head.loss_decode
    return (
        head.sampler is None
        and head.out_channels != 1
        and type(criterion) in (host.CrossEntropyLoss, CrossEntropyLoss)
        and not criterion.use_sigmoid
        and not criterion.use_mask
        and criterion.reduction in ('mean', 'sum')
    )


def _loss_in_strips(
    head: BaseDecodeHead, features: tuple[Tensor, ...], samples: list[SegDataSample]
) -> dict[str, Tensor]:
    criterion = head.loss_decode
    labels = head._stack_batch_gt(samples).squeeze(1)  # (B, H, W)
    logits, resampling = small_logits(head, features, tuple(labels.shape[-2:]))  # (B, K, h, w)
    try:
        loss, accuracy = upsample_cross_entropy(
            logits,
            labels,
            resampling=resampling,
            ignore_index=head.ignore_index,
            class_weight=class_weight_of(criterion),
            avg_non_ignore=criterion.avg_non_ignore,
            reduction=criterion.reduction,
        )
    except ValueError:
        check_masks(head, samples)  # which names the mask
        raise
    return {criterion.loss_name: criterion.loss_weight * loss, 'acc_seg': accuracy}


def class_weight_of(criterion: nn.Module) -> list[float] | None:
    """Return a loss's class weights, in a config a list or the name of a file of an array."""
    weights = criterion.class_weight
    return weights.tolist() if isinstance(weights, np.ndarray) else weights
