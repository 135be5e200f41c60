"""The loss of a mask transformer: each class of an image is one query's, the others are "no object".

B batch, Q queries, K classes, L outputs, h w size of the masks, H W of the labels, R matched queries of a batch, P points.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor, nn

from mmseg_vitseg.labels import IGNORED, usable_labels
from mmseg_vitseg.machine import without_autocast
from mmseg_vitseg.models.argument_checks import check_rates, check_sizes
from mmseg_vitseg.models.losses.mask_costs import Present, classes_of, costs_of
from mmseg_vitseg.models.query_prediction import QueryPrediction
from mmseg_vitseg.ops.matching import match
from mmseg_vitseg.ops.points import label_at_points, rows_at_points, uncertain_points
from mmseg_vitseg.ops.precision import at_least_float32


class MaskLoss(nn.Module):
    """Cross-entropy of classes, binary cross-entropy and dice of masks, of queries matched with an image's classes.

    As Mask2Former (arXiv 2112.01527) and EoMT (arXiv 2503.19108) have it: masks are compared on points, which are read from
    the labels as they are, so that no mask exists at the labels' size. An ignored pixel is in no class's mask.

    Args:
        num_classes: K.
        ignore_index: the label of pixels without a class.
        class_weight, mask_weight, dice_weight: of the three losses, and of the three costs of a match.
        no_object_weight: of queries without a class, in the mean over queries.
        num_points: P, for matching and for the losses.
        oversample_ratio, importance_ratio: see :func:`~mmseg_vitseg.ops.points.uncertain_points`.

    Raises:
        ValueError: numbers of classes or points, or ratios, that make no loss.
    """

    def __init__(
        self,
        *,
        num_classes: int,
        ignore_index: int = IGNORED,
        class_weight: float = 2.0,
        mask_weight: float = 5.0,
        dice_weight: float = 5.0,
        no_object_weight: float = 0.1,
        num_points: int = 12544,
        oversample_ratio: float = 3.0,
        importance_ratio: float = 0.75,
    ):
        super().__init__()
        check_sizes('MaskLoss', num_classes=num_classes, num_points=num_points)
        check_rates('MaskLoss', importance_ratio=importance_ratio)
        if oversample_ratio < 1:
            raise ValueError(f'MaskLoss: oversample_ratio={oversample_ratio}; at least 1 is needed')
        self.num_classes, self.ignore_index = num_classes, ignore_index
        self.weights = class_weight, mask_weight, dice_weight
        self.num_points, self.ratios = num_points, (oversample_ratio, importance_ratio)
        of_classes = torch.ones(num_classes + 1)
        of_classes[-1] = no_object_weight
        self.register_buffer('of_classes', of_classes, persistent=False)

    def forward(self, predictions: Sequence[QueryPrediction], labels: Tensor) -> dict[str, Tensor]:
        """Return the losses of all outputs, weighted; their sum is what is learned from.

        On a GPU this waits once, for the costs of all outputs. Losses are computed in float32 at least. A compiled model's
        graph ends before them: how many queries are matched is known to no compiler, and torch's draw other points.

        Args:
            predictions: L, the last one last.
            labels: (B, H, W), int64.

        Returns:
            ``loss_cls``, ``loss_mask``, ``loss_dice`` of the last output, and ``b0.loss_cls`` ... of those before.

        Raises:
            ValueError: labels that are no class, which on CUDA make the losses NaN.
        """
        compute = torch.compiler.disable(self._of_all) if torch.compiler.is_compiling() else self._of_all
        return compute(predictions, labels)

    def _of_all(self, predictions: Sequence[QueryPrediction], labels: Tensor) -> dict[str, Tensor]:
        labels, wrong = usable_labels(labels, self.num_classes, self.ignore_index)
        labels = labels.masked_fill(labels == self.ignore_index, self.num_classes)
        with without_autocast(labels.device):
            present = classes_of(labels, self.num_classes)
            costs = [costs_of(one, present, self.num_points, self.weights) for one in predictions]
            matched = match(torch.stack(costs))  # (L, B, Q)
            masks = _mean_over_processes(present.counts)
            names = [*(f'b{index}.loss_' for index in range(len(predictions) - 1)), 'loss_']
            losses = {}
            for name, prediction, places in zip(names, predictions, matched, strict=True):
                found = self._losses(prediction, present, places, masks)
                for kind, weight, loss in zip(('cls', 'mask', 'dice'), self.weights, found, strict=True):
                    losses[name + kind] = weight * loss
        return losses if wrong is None else {name: loss.masked_fill(wrong, torch.nan) for name, loss in losses.items()}

    def _losses(
        self, prediction: QueryPrediction, present: Present, places: Tensor, masks: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the three losses of one output, given the place of each query's class, (B, Q), -1 of "no object"."""
        image, query = _copied((places >= 0).nonzero().T, present.counts.device)  # (R,) each
        places = _copied(places, present.counts.device)
        classes = F.pad(present.classes, (1, 0), value=self.num_classes).gather(1, places + 1)  # (B, Q)
        logits = prediction.classes.to(at_least_float32(prediction.classes))
        of_classes = F.cross_entropy(logits.transpose(1, 2), classes, self.of_classes.to(logits.dtype))
        row = image * places.shape[1] + query
        logits = prediction.masks.flatten(0, 1).index_select(0, row)  # (R, h, w)
        logits = logits.to(at_least_float32(logits))
        points = uncertain_points(logits.detach(), self.num_points, *self.ratios)
        target = label_at_points(present.places, image, places.take(row), points)  # (R, P)
        entropy, dice = of_masks(rows_at_points(logits, points), target)
        return of_classes, entropy.sum() / masks, dice.sum() / masks


def of_masks(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return binary cross-entropy and dice, (R,) each, of masks on points (R, P)."""
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction='none').mean(1)
    probabilities = logits.sigmoid()
    area = probabilities.sum(1) + target.sum(1)
    return entropy, 1 - (2 * (probabilities * target).sum(1) + 1) / (area + 1)


def _mean_over_processes(counts: Tensor) -> Tensor:
    """Return how many masks a process's batch has, the mean over all processes, at least 1."""
    masks = counts.sum().float()
    all_reduce(masks)
    return (masks / get_world_size()).clamp(min=1)


def _copied(x: Tensor, device: torch.device) -> Tensor:
    """Return a CPU's tensor on another device; a GPU's memory takes it from pinned memory without waiting."""
    return x.pin_memory().to(device, non_blocking=True) if device.type == 'cuda' else x.to(device)
