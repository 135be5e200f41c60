"""Which sums over pixels each loss of a head is a function of, and the function: the host's losses and ours.

B batch, K logits a pixel, N labels of a batch. Where the host's losses are wrong, these are wrong alike, if they are the
host's: see losses/modules.py. Losses that nobody here wrote, and those that are no function of sums over pixels (Lovasz's,
which sorts the errors of all pixels), have none.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from mmseg.models import losses as host
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.losses.utils import reduce_loss
from torch import Tensor, nn

from mmseg_vitseg.models.losses.modules import CrossEntropyLoss, DiceLoss, FocalLoss, TverskyLoss
from mmseg_vitseg.models.small_logits import SmallLogitsHead
from mmseg_vitseg.ops.on_device import constant
from mmseg_vitseg.ops.strip_terms import ACCURACY, CROSS_ENTROPY, FOCAL, PLAIN, SIGMOID, SOFTMAX, Term
from mmseg_vitseg.ops.upsample_loss import EPS


class Sums(NamedTuple):
    """A loss as a function of sums.

    Args:
        term: what is summed up.
        value: of these sums and N, the loss.
        of_pixel: gives what each pixel adds to the loss with ``reduction='none'``; None where that is of no pixel's.
    """

    term: Term
    value: Callable[[Tensor, int], Tensor]
    of_pixel: Term | None = None


def sums_for(criterion: nn.Module, head: BaseDecodeHead) -> Sums | None:
    """Return the sums of a loss of a head, None if there are none, or if its own code is to refuse what it is given.

    Raises:
        ValueError: a loss that has sums, with ``class_weight`` or ``alpha`` of another length than the head has logits.
    """
    make = MAKERS.get(type(criterion))
    return None if make is None else make(criterion, head)


def accuracy_term(head: BaseDecodeHead) -> Term:
    """Return the sums of the accuracy; of one logit, that of the host's heads is how much is background."""
    own = head.out_channels == 1 and isinstance(head, SmallLogitsHead)
    return Term(ACCURACY, _numbers(head.ignore_index), numbers=(head.threshold,) if own else ())


def class_weight_of(criterion: nn.Module) -> list | None:
    """Return a loss's class weights, in a config a list or the name of a file of an array."""
    weights = criterion.class_weight
    return weights.tolist() if isinstance(weights, np.ndarray) else weights


def _cross_entropy(criterion: host.CrossEntropyLoss, head: BaseDecodeHead) -> Sums | None:
    if criterion.use_mask or criterion.reduction not in ('mean', 'sum'):
        return None
    if criterion.use_sigmoid:
        return _binary_cross_entropy(criterion, head)
    if head.out_channels == 1 or head.ignore_index is None:
        return None
    weights = class_weight_of(criterion)
    _check_count('class_weight', weights, criterion, head)

    def value(sums: Tensor, labels: int) -> Tensor:
        losses, counted = sums.sum(1)
        if criterion.reduction == 'mean':
            losses = losses / ((labels if weights is None and not criterion.avg_non_ignore else counted.detach()) + EPS)
        return criterion.loss_weight * losses

    term = Term(CROSS_ENTROPY, _numbers(head.ignore_index), numbers=tuple(weights or ()))
    scaled = [criterion.loss_weight * weight for weight in weights or [1.0] * head.out_channels]
    return Sums(term, value, term._replace(numbers=tuple(scaled)))


def _binary_cross_entropy(criterion: host.CrossEntropyLoss, head: BaseDecodeHead) -> Sums | None:
    classes = head.out_channels
    given = class_weight_of(criterion)
    if given is not None and not isinstance(criterion, CrossEntropyLoss):
        return None  # the host's are laid along the picture's width
    _check_count('class_weight', given, criterion, head)
    weights = [1.0] * classes if given is None else [row[0][0] for row in given]

    def value(sums: Tensor, labels: int) -> Tensor:
        losses, counted = sums.sum(1)
        if criterion.reduction == 'mean':
            losses = losses / (counted.detach() * classes + EPS if criterion.avg_non_ignore else labels * classes)
        return criterion.loss_weight * losses

    term = _focal_term(head, 0.0, [1.0] * classes, weights)
    of_pixel = _focal_term(head, 0.0, [1.0], weights, criterion.loss_weight) if classes == 1 else None
    return Sums(term, value, of_pixel)


def _focal(criterion: FocalLoss, head: BaseDecodeHead) -> Sums | None:
    if criterion.reduction == 'none':
        return None
    classes = head.out_channels
    weights = criterion.class_weight or [1.0] * classes
    alphas = criterion.alpha if isinstance(criterion.alpha, list) else [criterion.alpha] * classes
    _check_count('class_weight', weights, criterion, head)
    _check_count('alpha', alphas, criterion, head)
    at_label = [alpha * weight for alpha, weight in zip(alphas, weights, strict=True)]
    elsewhere = [(1 - alpha) * weight for alpha, weight in zip(alphas, weights, strict=True)]

    def value(sums: Tensor, labels: int) -> Tensor:
        losses = sums[0].sum()
        return criterion.loss_weight * (losses / (labels * classes) if criterion.reduction == 'mean' else losses)

    numbers = criterion.gamma, elsewhere, at_label
    of_pixel = _focal_term(head, *numbers, criterion.loss_weight / classes)
    return Sums(_focal_term(head, *numbers), value, of_pixel)


def _focal_term(
    head: BaseDecodeHead, gamma: float, elsewhere: list[float], at_label: list[float], scale: float = 1.0
) -> Term:
    return Term(
        FOCAL, _numbers(head.ignore_index), numbers=(gamma, *(scale * number for number in (*elsewhere, *at_label)))
    )


def _dice(criterion: host.DiceLoss, head: BaseDecodeHead) -> Sums | None:
    own, one = isinstance(criterion, DiceLoss), head.out_channels == 1
    of_softmax = criterion.activate and not criterion.use_sigmoid
    if (one and (of_softmax or not own)) or (head.sampler is not None and not own):
        return None
    kind = PLAIN if not criterion.activate else SIGMOID if criterion.use_sigmoid else SOFTMAX
    left_out = None if one else criterion.ignore_index

    def value(sums: Tensor, labels: int) -> Tensor:
        both, predicted, squares, true = _without(sums, left_out).sum(-1)  # (B,) each
        if criterion.naive_dice:
            score = (2 * both + criterion.eps) / (predicted + true + criterion.eps)
        else:
            score = 2 * both / (squares + true + 2 * criterion.eps)
        return criterion.loss_weight * reduce_loss(1 - score, criterion.reduction)

    # the host's takes labels below 0 for 0, and all pixels whose label is no class, ignored ones too, for none
    return Sums(Term(kind, _numbers(head.ignore_index)) if own else Term(kind, lowest=0), value)


def _tversky(criterion: host.TverskyLoss, head: BaseDecodeHead) -> Sums | None:
    own, classes = isinstance(criterion, TverskyLoss), head.out_channels
    ignored = criterion.ignore_index
    if not own and (classes == 1 or ignored is None):
        return None
    left_out = None if classes == 1 else ignored
    weights = class_weight_of(criterion)
    _check_count('class_weight', weights, criterion, head)

    def value(sums: Tensor, labels: int) -> Tensor:
        both, predicted, _, true = sums  # (B, K) each
        wrong = criterion.alpha * (predicted - both) + criterion.beta * (true - both)
        losses = 1 - (both + criterion.smooth) / (both + wrong + criterion.smooth)
        if weights is not None:
            losses = losses * constant(weights, losses)
        return criterion.loss_weight * _without(losses, left_out).sum(-1).mean() / classes

    if own:
        return Sums(Term(SIGMOID if classes == 1 else SOFTMAX, _numbers(head.ignore_index, ignored)), value)
    # the host's takes labels that are no class, but for its own ignored one, for the nearest class, and no sampler's notice
    return Sums(Term(SOFTMAX, _numbers(ignored), 0, classes - 1, sampled=False), value)


def _check_count(name: str, numbers: list | None, criterion: nn.Module, head: BaseDecodeHead) -> None:
    """Refuse numbers of a loss, where there are any, that are not one of each logit."""
    if numbers is not None and len(numbers) != head.out_channels:
        raise ValueError(
            f'{type(criterion).__name__}: {name} has {len(numbers)} numbers, and its head {head.out_channels} logits; one '
            'for each is needed, in the order of the classes'
        )


def _without(x: Tensor, left_out: int | None) -> Tensor:
    """Return (..., K) without one of K; a class to be left out may be none of them."""
    if left_out is None or not 0 <= left_out < x.shape[-1]:
        return x
    return torch.cat([x[..., :left_out], x[..., left_out + 1 :]], dim=-1)


def _numbers(*labels: int | None) -> tuple[int, ...]:
    return tuple(label for label in labels if label is not None)


MAKERS: dict[type, Callable] = {
    host.CrossEntropyLoss: _cross_entropy,
    CrossEntropyLoss: _cross_entropy,
    FocalLoss: _focal,  # not the host's, which is a kernel of mmcv's on a GPU, and fails on a CPU
    host.DiceLoss: _dice,
    DiceLoss: _dice,
    host.TverskyLoss: _tversky,
    TverskyLoss: _tversky,
}
