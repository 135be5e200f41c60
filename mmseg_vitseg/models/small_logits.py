"""Logits of the size at which a head computes them, and their way to full size: what losses and labels are made from.

B batch, K classes, h w size of the logits that a head computes, H W full size: the labels', or the network's input's.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmseg_vitseg.models.confidence import confidence_of
from mmseg_vitseg.ops.reorder import resize
from mmseg_vitseg.ops.resampling import Resampling, resizings
from mmseg_vitseg.ops.upsample_argmax import argmax_of, resampled


class SmallLogits(NamedTuple):
    """What a head computes, and how it becomes the host's logits; a :class:`~mmseg_vitseg.models.prediction.Small`.

    Args:
        logits: (B, K, h, w); of one picture (K, h, w).
        resampling: of each to (H, W).
    """

    logits: Tensor
    resampling: Resampling

    @property
    def maps(self) -> Tensor:
        """The logits."""
        return self.logits

    def of(self, index: int, resampling: Resampling) -> 'SmallLogits':
        """Return one picture's, with another resampling."""
        return SmallLogits(self.logits[index].detach(), resampling)

    def beside_maps(self) -> None:
        """Return None: logits are all that there is."""

    def of_windows(
        self,
        maps: Tensor,
        beside: Sequence[Tensor | None],
        tops: Sequence[int],
        lefts: Sequence[int],
        size: tuple[int, int],
    ) -> 'SmallLogits':
        """Return what these are parts of: all windows of pictures of ``size``."""
        return SmallLogits(maps, self.resampling.repeated(tops, lefts, size))

    def labels(self, threshold: float | None, *, confidence: bool = False) -> tuple[Tensor, Tensor | None]:
        """Return the class of each pixel of one picture, (1, H, W), int64, and its probability, (1, H, W), float32, or None.

        Of a single class whether its probability is above ``threshold``, a float.
        """
        if len(self.logits) == 1:
            full = self.full()
            certain = confidence_of(full, threshold, probabilities=True) if confidence else None
            return (full > threshold).to(self.logits), certain
        labels, probabilities = argmax_of(self.logits, self.resampling, confidence=confidence)
        return labels[None], None if probabilities is None else probabilities[None]

    @torch.no_grad()
    def full(self) -> Tensor:
        """Return the host's ``seg_logits`` of one picture, (K, H, W): of a single class its probability; all finite."""
        full = resampled(self.logits, self.resampling)
        return (full.sigmoid() if len(full) == 1 else full).to(self.logits.dtype)


class SmallLogitsHead(BaseDecodeHead):
    """A head that says by itself how its logits are computed, and by itself how they are resized.

    To derive a head from one of ours, override :meth:`classify`, and :meth:`sizes` where its logits are resized on the way.
    A class that overrides the host's methods instead is called by the host's methods, with logits at full size: in training
    where it has a ``forward`` or ``loss_by_feat`` of its own, in prediction where it has a ``forward``, ``predict`` or
    ``predict_by_feat``. This is decided once, when the class is made.
    """

    trains_small = True
    predicts_small = True

    def __init_subclass__(cls, **arguments):
        super().__init_subclass__(**arguments)
        base = next(one for one in cls.__mro__ if 'classify' in vars(one))  # whose methods fit its classify
        cls.trains_small = not _overrides(cls, base, 'forward', 'loss_by_feat')
        cls.predicts_small = not _overrides(cls, base, 'forward', 'predict', 'predict_by_feat')

    def classify(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Map feature maps to logits (B, K, h, w), before any upsampling that could come before the classifier."""
        raise NotImplementedError

    def sizes(self, size: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """Return the sizes that logits of ``size`` are resized to on the way to the host's head's."""
        return ()

    def resampling(self, size: tuple[int, int], target: tuple[int, int]) -> Resampling:
        """Return the way of logits of ``size`` (h, w) to the ``target`` (H, W)."""
        return resizings(size, (*self.sizes(size), target), self.align_corners)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Map feature maps to the logits that the host's head of this name returns."""
        logits = self.classify(inputs)  # (B, K, h, w)
        for size in self.sizes(tuple(logits.shape[-2:])):
            logits = resize(logits, size, self.align_corners)
        return logits


def trains_small(head: nn.Module) -> bool:
    """Tell heads that are trained as the host's base class does, or one of ours, and so can be from small logits."""
    if isinstance(head, SmallLogitsHead):
        return head.trains_small
    return isinstance(head, BaseDecodeHead) and not _overrides(type(head), BaseDecodeHead, 'loss', 'loss_by_feat')


def predicts_small(head: nn.Module) -> bool:
    """Tell heads whose prediction is their logits resized bilinearly from those that predict in a way of their own."""
    if isinstance(head, SmallLogitsHead):
        return head.predicts_small
    return isinstance(head, BaseDecodeHead) and not _overrides(type(head), BaseDecodeHead, 'predict', 'predict_by_feat')


def small_logits(head: BaseDecodeHead, features: tuple[Tensor, ...], size: tuple[int, int]) -> SmallLogits:
    """Return the logits of a head, the host's or ours, of feature maps, and their way to ``size`` (H, W)."""
    logits = classified(head, features)
    return SmallLogits(logits, way_of(head, logits, size))


def classified(head: BaseDecodeHead, features: tuple[Tensor, ...]) -> Tensor:
    """Return the logits (B, K, h, w) of a head, the host's or ours, of feature maps."""
    return head.classify(features) if isinstance(head, SmallLogitsHead) else head(features)


def way_of(head: BaseDecodeHead, logits: Tensor, size: tuple[int, int]) -> Resampling:
    """Return the way of a head's logits (B, K, h, w) to ``size`` (H, W)."""
    own = tuple(logits.shape[-2:])
    if isinstance(head, SmallLogitsHead):
        return head.resampling(own, size)
    return resizings(own, (size,), head.align_corners)


def _overrides(cls: type, base: type, *methods: str) -> bool:
    """Tell whether a class has methods that come before those of a base of it."""
    derived = cls.__mro__[: cls.__mro__.index(base)]
    return any(name in vars(one) for one in derived for name in methods)
