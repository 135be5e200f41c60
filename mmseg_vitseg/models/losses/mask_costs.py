"""What it costs to match queries with the classes of an image (Mask2Former, arXiv 2112.01527).

B batch, Q queries, K classes, C places for the classes of an image, G outputs, h w size of the masks, H W of the labels,
P points.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_vitseg.machine import as_on_cuda
from mmseg_vitseg.models.query_prediction import QueryPrediction
from mmseg_vitseg.ops.points import all_at_points, labels_at_points, uniform_points
from mmseg_vitseg.ops.precision import at_least_float32


class Present(NamedTuple):
    """The classes that each image of a batch has, in C places, of which some may be without one."""

    classes: Tensor  # (B, C + 1), int64: the class of each place; what follows the last place is K, "no object"
    taken: Tensor  # (B, C), bool: places with a class; the others are to be left alone
    places: (
        Tensor  # (B, H + 2, W + 2), int16: the place of each pixel's class, C of a pixel without one and on the border
    )


def classes_of(labels: Tensor, num_classes: int) -> Present:
    """Find the classes of labels (B, H, W), int64, 0 to K, where K is no class.

    A CPU has places for the classes of the image that has most, in order. Where to count them would be to wait for a GPU,
    each class has its own place.
    """
    table = torch.zeros(len(labels), num_classes + 1, dtype=torch.bool, device=labels.device)
    present = table.scatter_(1, labels.flatten(1), True)[:, :num_classes]
    if as_on_cuda(labels.device):
        classes = torch.arange(num_classes + 1, device=labels.device).expand(len(labels), -1)
        return Present(classes, present, F.pad(labels.short(), (1, 1, 1, 1), value=num_classes))
    most = int(present.sum(1).max())
    classes = present.byte().argsort(dim=1, descending=True, stable=True)[:, :most]
    place = F.pad((present.cumsum(1) - 1).where(present, most).short(), (0, 1), value=most)  # (B, K + 1)
    places = place.gather(1, labels.flatten(1)).view_as(labels)
    return Present(
        F.pad(classes, (0, 1), value=num_classes),
        present.gather(1, classes),
        F.pad(places, (1, 1, 1, 1), value=most),
    )


@torch.no_grad()
def costs_of(
    outputs: QueryPrediction, present: Present, num_points: int, weights: tuple[float, float, float]
) -> Tensor:
    """Return what each query costs as each class of its image, on points drawn at random.

    The binary cross-entropy of a mask with logits x and a class's mask t is the mean of softplus(x) - x t, so that products
    with t are two matrices: those of x and of sigmoid(x), which dice needs.

    Args:
        outputs: logits of G outputs, one after the other, (G B, ...), computed in float32 at least.
        present: the images' classes.
        num_points: P.
        weights: of the class, the binary cross-entropy, and dice.

    Returns:
        (G B, Q, C); NaN of places without a class, and the dtype's largest number where a cost is not finite.
    """
    of_class, of_mask, of_dice = weights
    masks = outputs.masks.to(at_least_float32(outputs.masks))
    batch, places = present.taken.shape
    points = uniform_points(masks, len(masks), num_points)
    logits = all_at_points(masks, points)  # (G B, P, Q)
    target = labels_at_points(present.places, points, places)  # (G B, P, C)
    transposed = target.transpose(1, 2)
    entropy = F.softplus(logits).sum(1)[:, None] - transposed @ logits  # (G B, C, Q)
    probabilities = logits.sigmoid_()
    area = probabilities.sum(1)[:, None] + target.sum(1)[..., None]
    dice = 1 - (2 * (transposed @ probabilities) + 1) / (area + 1)
    likely = outputs.classes.to(masks.dtype).softmax(-1).transpose(1, 2).unflatten(0, (-1, batch))
    likely = likely.take_along_dim(present.classes[None, :, :places, None], 2).flatten(0, 1)  # (G B, C, Q)
    costs = (of_mask / num_points) * entropy - of_class * likely + of_dice * dice
    largest = torch.finfo(costs.dtype).max
    costs = costs.nan_to_num_(nan=largest, posinf=largest, neginf=largest).unflatten(0, (-1, batch))
    return costs.masked_fill_(~present.taken[..., None], torch.nan).flatten(0, 1).transpose(1, 2)
