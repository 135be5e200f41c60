"""What the queries of a mask transformer predict, and its way to scores of pixels that are never held.

B batch, Q queries, K classes, n_y n_x windows of a picture, h w size of the masks of one, H W full size.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mmseg_vitseg.models.query_prediction import QueryPrediction
from mmseg_vitseg.ops.mask_scores import mask_argmax_of, mask_scores_of
from mmseg_vitseg.ops.precision import at_least_float32
from mmseg_vitseg.ops.resampling import Resampling


class SmallMasks(NamedTuple):
    """Masks and classes of queries, the second kind of :class:`~mmseg_vitseg.models.prediction.Small`.

    The scores are sums of probabilities (ops/mask_scores.py); the sigmoid of a mask comes between two resamplings.

    Args:
        masks: logits, (B, Q, n_y h, n_x w), windows side by side; of one picture (Q, n_y h, n_x w).
        classes: probabilities, (B, n_y, n_x, Q, K), without "no object"; of one picture (n_y, n_x, Q, K).
        inner: of a window's masks to the window.
        resampling: of the scores of all windows side by side, to (H, W).
    """

    masks: Tensor
    classes: Tensor
    inner: Resampling
    resampling: Resampling

    @property
    def maps(self) -> Tensor:
        """The masks."""
        return self.masks

    def of(self, index: int, resampling: Resampling) -> 'SmallMasks':
        """Return one picture's, with another resampling."""
        return SmallMasks(self.masks[index].detach(), self.classes[index].detach(), self.inner, resampling)

    def beside_maps(self) -> Tensor:
        """Return the classes."""
        return self.classes

    def of_windows(
        self,
        maps: Tensor,
        beside: Sequence[Tensor | None],
        tops: Sequence[int],
        lefts: Sequence[int],
        size: tuple[int, int],
    ) -> 'SmallMasks':
        """Return what these are parts of: all windows of pictures of ``size``."""
        classes = (
            torch.cat([one for one in beside if one is not None])
            .flatten(0, 2)
            .unflatten(0, (len(maps), len(tops), len(lefts)))
        )
        return SmallMasks(maps, classes, self.inner, self.resampling.repeated(tops, lefts, size))

    def labels(self, threshold: float | None, *, confidence: bool = False) -> tuple[Tensor, Tensor | None]:
        """Return the class of each pixel of one picture, (1, H, W), int64; there are at least two, and no threshold.

        And the share of its score of all classes', (1, H, W), float32, or None.
        """
        labels, shares = mask_argmax_of(*self, confidence=confidence)
        return labels[None], None if shares is None else shares[None]

    def full(self) -> Tensor:
        """Return the scores of one picture, (K, H, W), sums of probabilities."""
        return mask_scores_of(*self).to(self.masks.dtype)


def small_masks(prediction: QueryPrediction, inner: Resampling, resampling: Resampling) -> SmallMasks:
    """Return what queries predict, of pictures or of windows, each by itself; see :class:`SmallMasks`."""
    classes = prediction.classes.to(at_least_float32(prediction.classes)).softmax(-1)[..., :-1]
    return SmallMasks(prediction.masks, classes[:, None, None], inner, resampling)
