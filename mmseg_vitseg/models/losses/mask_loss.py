"""The loss of a mask transformer: each class of an image is one query's, the others are "no object".

B batch, Q queries, K classes, L outputs, G outputs at once, h w size of the masks, H W of the labels, R matched queries of a
batch, P points.
"""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce, get_world_size
from torch import Tensor, nn

from mmseg_vitseg.labels import IGNORED, usable_labels
from mmseg_vitseg.machine import as_on_cuda, without_autocast
from mmseg_vitseg.models.argument_checks import check_rates, check_sizes
from mmseg_vitseg.models.losses.mask_costs import Present, classes_of, costs_of
from mmseg_vitseg.models.query_prediction import QueryPrediction
from mmseg_vitseg.ops.matching import match
from mmseg_vitseg.ops.points import label_at_points, rows_at_points, uncertain_points
from mmseg_vitseg.ops.precision import at_least_float32

NAMES = ('loss_cls', 'loss_mask', 'loss_dice')
AT_ONCE_ON_CUDA = 2**27  # numbers of masks and of what costs are computed from: 512 MiB


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

        On a GPU this waits once, for the costs of all outputs, and outputs are computed together, as many as
        ``AT_ONCE_ON_CUDA`` allows, since each kernel's launch takes time; on a CPU one after the other, in little memory.
        Losses are computed in float32 at least. A compiled model's graph ends before them: how many queries are matched is
        known to no compiler, and torch's draw other points.

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
            groups = [*self._groups(predictions)]
            costs = [costs_of(group, present, self.num_points, self.weights) for group in groups]
            matched = match(torch.cat(costs).unflatten(0, (-1, len(labels))))  # (L, B, Q)
            masks = _mean_over_processes(present.taken)
            places = matched.split([len(group.classes) // len(labels) for group in groups])
            losses = torch.cat([self._losses(*each, present, masks) for each in zip(groups, places, strict=True)])
        losses = losses if wrong is None else losses.masked_fill(wrong, torch.nan)
        prefixes = [*(f'b{index}.' for index in range(len(predictions) - 1)), '']
        names = [prefix + name for prefix in prefixes for name in NAMES]
        return dict(zip(names, losses.flatten().unbind(), strict=True))

    def _groups(self, predictions: Sequence[QueryPrediction]) -> Iterator[QueryPrediction]:
        """Yield the outputs in groups, those of a group one after the other, (G B, ...): copies, where G is above 1."""
        (batch, queries), size = predictions[0].classes.shape[:2], predictions[0].masks[0].numel()
        numbers = batch * (size + self.num_points * (queries + self.num_classes))
        at_once = max(1, AT_ONCE_ON_CUDA // numbers) if as_on_cuda(predictions[0].masks.device) else 1
        for first in range(0, len(predictions), at_once):
            some = predictions[first : first + at_once]
            yield some[0] if len(some) == 1 else QueryPrediction(*map(torch.cat, zip(*some, strict=True)))

    def _losses(self, outputs: QueryPrediction, places: Tensor, present: Present, masks: Tensor) -> Tensor:
        """Return the three losses, weighted, of G outputs, (G, 3).

        Args:
            outputs: logits, (G B, ...).
            places: of each query's class, (G, B, Q), -1 of "no object", on the CPU.
            present: the images' classes.
            masks: how many they are, on the device.
        """
        count, batch, queries = places.shape
        row = (places >= 0).flatten().nonzero()[:, 0]  # of each output as many, R
        of_rows = torch.cat((row, row // queries % batch, places.take(row)))
        places = places.masked_fill(places < 0, present.taken.shape[1]).flatten()
        copied = _copied(torch.cat((places, of_rows)), present.taken.device)
        places, row, image, place = copied.split((len(places), *3 * [len(row)]))
        classes = present.classes.expand(count, -1, -1).gather(2, places.view(count, batch, queries))
        logits = outputs.classes.to(at_least_float32(outputs.classes)).unflatten(0, (count, batch))
        entropy_of_classes = mean_cross_entropies(logits, classes, self.of_classes)
        logits = outputs.masks.flatten(0, 1).index_select(0, row)  # (G R, h, w)
        logits = logits.to(at_least_float32(logits))
        points = uncertain_points(logits.detach(), self.num_points, *self.ratios)
        target = label_at_points(present.places, image, place, points)  # (G R, P)
        losses = of_masks(rows_at_points(logits, points), target)  # (G R,) each
        entropy, dice = (one.view(count, -1).sum(1) / masks for one in losses)
        weighted = zip(self.weights, (entropy_of_classes, entropy, dice), strict=True)
        return torch.stack([weight * loss for weight, loss in weighted], 1)


def mean_cross_entropies(logits: Tensor, classes: Tensor, weight: Tensor) -> Tensor:
    """Return the cross-entropy of logits (G, B, Q, K + 1) with classes (G, B, Q), the weighted mean of each output, (G,)."""
    weight = weight.to(logits.dtype)
    losses = F.cross_entropy(logits.flatten(0, 2), classes.flatten(), weight, reduction='none')
    return losses.view(len(classes), -1).sum(1) / weight[classes].sum((1, 2))


def of_masks(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Return binary cross-entropy and dice, (R,) each, of masks on points (R, P)."""
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction='none').mean(1)
    probabilities = logits.sigmoid()
    area = probabilities.sum(1) + target.sum(1)
    return entropy, 1 - (2 * (probabilities * target).sum(1) + 1) / (area + 1)


def _mean_over_processes(taken: Tensor) -> Tensor:
    """Return how many masks a process's batch has, the mean over all processes, at least 1."""
    masks = taken.sum(dtype=torch.float32)
    all_reduce(masks)
    return (masks / get_world_size()).clamp(min=1)


def _copied(x: Tensor, device: torch.device) -> Tensor:
    """Return a CPU's tensor on another device; a GPU's memory takes it from pinned memory without waiting."""
    return (x.pin_memory() if device.type == 'cuda' else x).to(device, non_blocking=True)
