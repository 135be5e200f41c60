"""How a head's loss is computed, the host's heads and ours: in strips where it can be, else by the host's own method.

B batch, K classes, h w size of the logits that a head computes, H W size of the labels.
"""

from collections.abc import Callable, Sequence

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_vitseg.models.losses.label_errors import check_masks, ignored_by_losses, takes_labels, usable_masks
from mmseg_vitseg.models.losses.modules import check_one_logit, losses_of
from mmseg_vitseg.models.losses.sampling import sample, samples_small
from mmseg_vitseg.models.losses.sums import Sums, accuracy_term, class_weight_of, sums_for
from mmseg_vitseg.models.small_logits import SmallLogits, small_logits, trains_small
from mmseg_vitseg.ops.precision import at_least_float32
from mmseg_vitseg.ops.strip_terms import CROSS_ENTROPY
from mmseg_vitseg.ops.upsample_loss import accuracy_of, upsample_cross_entropy
from mmseg_vitseg.ops.upsample_sums import upsample_sums


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
    losses = losses_in_strips(head)
    if losses is not None:
        return _loss_in_strips(head, features, samples, losses)
    if not takes_labels(head):
        return by_the_host(samples)
    check_one_logit(head)  # the host's losses would meet this and wrong labels late, or in silence
    samples, wrong = usable_masks(head, samples, *ignored_by_losses(head))
    found = by_the_host(samples)
    if wrong is None:
        return found
    return {name: one.masked_fill(wrong, torch.nan) if 'loss' in name else one for name, one in found.items()}


def losses_in_strips(head: nn.Module) -> list[Sums] | None:
    """Return a head's losses as functions of sums over pixels, None where its logits are needed at full size."""
    return _sums_of(head)[0] if trains_small(head) else None


def full_size_for(head: BaseDecodeHead) -> list[str]:
    """Return the names of a head's losses, or of its sampler, that need logits at full size."""
    return _sums_of(head)[1]


def _sums_of(head: BaseDecodeHead) -> tuple[list[Sums] | None, list[str]]:
    """Return the sums of all losses of a head, or None and the names of those that have none."""
    sums, without = [], []
    for criterion in losses_of(head):
        one = sums_for(criterion, head)
        if one is None:
            without.append(type(criterion).__name__)
        else:
            sums.append(one)
    if not without and not samples_small(head, sums):
        without = [type(head.sampler).__name__]
    return None if without else sums, without


def _loss_in_strips(
    head: BaseDecodeHead, features: tuple[Tensor, ...], samples: list[SegDataSample], losses: Sequence[Sums]
) -> dict[str, Tensor]:
    labels = head._stack_batch_gt(samples).squeeze(1)  # (B, H, W)
    small = small_logits(head, features, tuple(labels.shape[-2:]))
    plain = len(losses) == 1 and losses[0].term.kind == CROSS_ENTROPY and head.sampler is None
    try:
        return _plain_loss(head, small, labels) if plain else _from_sums(head, small, labels, losses)
    except ValueError:
        check_masks(head, samples, *ignored_by_losses(head))  # which names the mask
        raise


def _plain_loss(head: BaseDecodeHead, small: SmallLogits, labels: Tensor) -> dict[str, Tensor]:
    """Compute a cross-entropy over classes by an operator of its own, which on a GPU is a kernel."""
    (criterion,) = losses_of(head)
    loss, accuracy = upsample_cross_entropy(
        small.logits,
        labels,
        resampling=small.resampling,
        ignore_index=head.ignore_index,
        class_weight=class_weight_of(criterion),
        avg_non_ignore=criterion.avg_non_ignore,
        reduction=criterion.reduction,
    )
    return {criterion.loss_name: criterion.loss_weight * loss, 'acc_seg': accuracy}


def _from_sums(head: BaseDecodeHead, small: SmallLogits, labels: Tensor, losses: Sequence[Sums]) -> dict[str, Tensor]:
    sampled = sample(head, small, labels, losses)
    terms = [accuracy_term(head), *(one.term for one in losses)]
    ignored = [one for one in (head.ignore_index, *ignored_by_losses(head)) if one is not None]
    (accuracy, *sums), wrong = upsample_sums(small.logits, labels, terms, small.resampling, ignored, sampled)
    found: dict[str, Tensor] = {}
    for criterion, one, of_one in zip(losses_of(head), losses, sums, strict=True):
        value = one.value(of_one, labels.numel()).to(at_least_float32(small.logits)).masked_fill(wrong, torch.nan)
        name = criterion.loss_name
        found[name] = found[name] + value if name in found else value
    right, counted = accuracy.detach().sum(1)
    return {**found, 'acc_seg': accuracy_of(right, counted)}
