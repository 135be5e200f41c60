"""The host's losses of the same names, where the host's are wrong or fail.

B batch, K logits a pixel, H W size of the labels. Labels are those of a head's pixels, (B, H, W); of one logit, label 1 is
the class that it stands for. Where the host's losses are right, these are the same, number for number.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from mmseg.models import losses as host
from mmseg.models.losses import focal_loss as host_focal_loss
from mmseg.models.losses.dice_loss import dice_loss
from mmseg.models.losses.focal_loss import py_sigmoid_focal_loss
from mmseg.models.losses.tversky_loss import tversky_loss
from mmseg.models.losses.utils import get_class_weight
from torch import Tensor, nn

from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.registry import MODELS

# Of one logit, the host's DiceLoss learns where label 0 is, which is the inverse, and its TverskyLoss learns nothing.
WRONG_OF_ONE_LOGIT = (host.DiceLoss, host.TverskyLoss)


@MODELS.register_module()
class CrossEntropyLoss(host.CrossEntropyLoss):
    """The host's, where ``class_weight`` goes with ``avg_non_ignore``, with ignored pixels and with ``use_sigmoid`` too.

    With ``class_weight``, the mean is that over the weights of the pixels that are not ignored. Of one logit, a batch of
    which all pixels are ignored is 0; the host's fails on it.
    """

    def __init__(
        self, *, class_weight: Sequence[float] | str | None = None, use_sigmoid: bool = False, **host_arguments
    ):
        if use_sigmoid and class_weight is not None:  # along the classes, not the picture's width
            class_weight = np.reshape(get_class_weight(class_weight), (-1, 1, 1)).tolist()
        super().__init__(class_weight=class_weight, use_sigmoid=use_sigmoid, **host_arguments)

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | Tensor | None = None,
        reduction_override: str | None = None,
        ignore_index: int = -100,
        **host_arguments,
    ) -> Tensor:
        """Return the loss of logits (B, K, H, W)."""
        mean = (reduction_override or self.reduction) == 'mean' and avg_factor is None
        if mean and self.class_weight is not None and not self.use_sigmoid:
            counted = label != ignore_index
            weights = cls_score.new_tensor(self.class_weight)[label.where(counted, 0)]
            avg_factor = (weights * counted).sum()
        if self.use_sigmoid and cls_score.shape[1] == 1:
            cls_score = cls_score.squeeze(1)  # as the host's does, once it has looked at the labels
        return super().forward(cls_score, label, weight, avg_factor, reduction_override, ignore_index, **host_arguments)


@MODELS.register_module()
class DiceLoss(host.DiceLoss):
    """The host's, right for one logit, of the pixels alone that the head neither ignores nor leaves unsampled.

    The host's takes ignored pixels for pixels of no class, and refuses a sampler. ``ignore_index`` is, as in the host's, a
    class whose logits are left out; the pixels to be left out are the head's.
    """

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
        ignore_index: int | None = IGNORED,
        **_,
    ) -> Tensor:
        """Return the loss of logits (B, K, H, W).

        Raises:
            ValueError: ``use_sigmoid=False`` with one logit.
        """
        if self.activate:
            pred = _probabilities(self, pred, use_sigmoid=self.use_sigmoid)
        counted = _counted(target, weight, ignore_index).unsqueeze(1)
        return self.loss_weight * dice_loss(
            pred * counted,
            _one_hot(target, pred.shape[1]) * counted,
            None,
            eps=self.eps,
            reduction=reduction_override or self.reduction,
            naive_dice=self.naive_dice,
            avg_factor=avg_factor,
            ignore_index=None if pred.shape[1] == 1 else self.ignore_index,
        )


@MODELS.register_module()
class TverskyLoss(host.TverskyLoss):
    """The host's, by a sigmoid for one logit, of the pixels alone that the head neither ignores nor leaves unsampled.

    The host's learns nothing of one logit, knows no other ignored label than its own, and no sampler.
    """

    def forward(
        self, pred: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int | None = IGNORED, **_
    ) -> Tensor:
        """Return the loss of logits (B, K, H, W)."""
        one = pred.shape[1] == 1
        probabilities = _probabilities(self, pred, use_sigmoid=one)
        return self.loss_weight * tversky_loss(
            probabilities,
            _one_hot(target, pred.shape[1]).movedim(1, -1),
            valid_mask=_counted(target, weight, ignore_index, self.ignore_index),
            alpha=self.alpha,
            beta=self.beta,
            smooth=self.smooth,
            class_weight=None if self.class_weight is None else pred.new_tensor(self.class_weight),
            ignore_index=None if one else self.ignore_index,
        )


@MODELS.register_module()
class LovaszLoss(host.LovaszLoss):
    """The host's, of the pixels alone that the head neither ignores nor leaves unsampled; 0 where there is none.

    The host's is not a number where all pixels are ignored, with ``per_image`` fails where those of one picture are, and
    knows no sampler. ``reduction`` is of pictures, with ``per_image`` alone.
    """

    def __init__(self, *, per_image: bool = False, reduction: str = 'mean', **host_arguments):
        super().__init__(per_image=per_image, reduction=reduction if per_image else 'none', **host_arguments)

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        ignore_index: int | None = IGNORED,
        **host_arguments,
    ) -> Tensor:
        """Return the loss of logits (B, K, H, W)."""
        ignored = -1 if ignore_index is None else ignore_index
        if weight is not None:
            label = label.where(weight > 0, ignored)
        counted = (label != ignored).flatten(1).any(1)  # (B,)
        if not counted.any():
            return cls_score.sum() * 0
        return super().forward(cls_score[counted], label[counted], ignore_index=ignored, **host_arguments)


@MODELS.register_module()
class FocalLoss(host.FocalLoss):
    """The host's, in plain torch, on a CPU too; with a sampler too.

    On a GPU the host's is a kernel of mmcv's, without a sampler, which a light mmcv lacks. On a CPU the host's fails.
    """

    def __init__(self, **host_arguments):
        with _operator_not_needed():
            super().__init__(**host_arguments)

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
        ignore_index: int | None = IGNORED,
        **_,
    ) -> Tensor:
        """Return the loss of logits (B, K, H, W); not reduced, it is (B, H, W), the mean over the classes."""
        reduction = reduction_override or self.reduction
        classes = pred.shape[1]
        loss = self.loss_weight * py_sigmoid_focal_loss(
            pred.movedim(1, -1).reshape(-1, classes),  # (B H W, K)
            _one_hot(target, classes).movedim(1, -1).reshape(-1, classes),
            gamma=self.gamma,
            alpha=self.alpha,
            class_weight=self.class_weight,
            valid_mask=_counted(target, weight, ignore_index).reshape(-1, 1),
            reduction=reduction,
            avg_factor=avg_factor,
        )
        return loss.mean(1).reshape(target.shape) if reduction == 'none' else loss


@contextmanager
def _operator_not_needed() -> Iterator[None]:
    """Build the host's FocalLoss where a GPU is and mmcv has no operator for it, which the constructor asks for."""
    before, host_focal_loss._sigmoid_focal_loss = host_focal_loss._sigmoid_focal_loss, True
    try:
        yield
    finally:
        host_focal_loss._sigmoid_focal_loss = before


def losses_of(head: nn.Module) -> list[nn.Module]:
    """Return the losses of a head, which has one or a list."""
    return list(head.loss_decode) if isinstance(head.loss_decode, nn.ModuleList) else [head.loss_decode]


def check_one_logit(head: nn.Module) -> None:
    """Refuse losses that would teach a head's one logit nothing, or the inverse of what the masks say.

    Raises:
        ValueError: with the type to write instead.
    """
    for criterion in losses_of(head):
        if head.out_channels == 1 and type(criterion) in WRONG_OF_ONE_LOGIT:
            name = type(criterion).__name__
            raise ValueError(
                f"{type(head).__name__}: the host's {name} of one logit learns "
                f"{'the inverse' if name == 'DiceLoss' else 'nothing'}; type='mmseg_vitseg.{name}' is right for it"
            )


def _probabilities(loss: nn.Module, logits: Tensor, *, use_sigmoid: bool) -> Tensor:
    """Return what logits (B, K, H, W) say, from 0 to 1."""
    if use_sigmoid:
        return logits.sigmoid()
    if logits.shape[1] == 1:
        raise ValueError(
            f'{type(loss).__name__}: use_sigmoid=False with one logit, whose softmax is always 1; use_sigmoid=True'
        )
    return logits.softmax(1)


def _one_hot(labels: Tensor, classes: int) -> Tensor:
    """Return for each logit where its class is, (B, K, H, W); nowhere for labels that are no class."""
    first = 1 if classes == 1 else 0  # the class that one logit stands for
    indices = torch.arange(first, first + classes, device=labels.device)
    return (labels.unsqueeze(1) == indices[:, None, None]).long()


def _counted(labels: Tensor, weight: Tensor | None, *ignored: int | None) -> Tensor:
    """Return how much each pixel counts, (B, H, W): 0 where its label is ignored, else its weight, a sampler's, or 1."""
    counted = torch.ones_like(labels)
    for label in ignored:
        if label is not None:
            counted = counted * (labels != label)
    return counted if weight is None else counted * weight
