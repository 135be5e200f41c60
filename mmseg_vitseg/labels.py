"""What a label of a mask may be: a class, counted from 0, or a label of pixels that do not count."""

import inspect
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from mmseg.evaluation import IoUMetric
from torch import Tensor

from mmseg_vitseg.machine import as_on_cuda

IGNORED: int = inspect.signature(IoUMetric).parameters['ignore_index'].default  # unless a head or a metric says another

Array = TypeVar('Array', Tensor, np.ndarray)


def is_no_class(labels: Array, classes: int, ignored: Iterable[int | None] = ()) -> Array:
    """Return where labels are neither a class, 0 to ``classes`` - 1, nor ignored; of a tensor or an array, as is given."""
    wrong = (labels < 0) | (labels >= classes)
    for label in ignored:
        if label is not None:
            wrong &= labels != label
    return wrong


def usable_labels(
    labels: Tensor, classes: int, ignore_index: int | None, also_ignored: Iterable[int | None] = ()
) -> tuple[Tensor, Tensor | None]:
    """Return labels that a loss can be computed from, and whether it must be made NaN.

    On CUDA, to look for labels that are no class is to wait for the GPU, and an index out of range ends the whole process:
    what is returned has class 0 in their place, and the loss is to be NaN.

    Args:
        labels, classes, ignore_index, also_ignored: see :func:`check_labels`.

    Returns:
        labels, and on CUDA a boolean scalar there: some were no class.

    Raises:
        ValueError: on other devices, as :func:`check_labels`.
    """
    if as_on_cuda(labels.device):
        wrong = is_no_class(labels, classes, {ignore_index, *also_ignored})
        return labels.masked_fill(wrong, 0), wrong.any()
    check_labels(labels, classes, ignore_index, also_ignored)
    return labels, None


def check_labels(
    labels: Tensor, classes: int, ignore_index: int | None, also_ignored: Iterable[int | None] = ()
) -> None:
    """Refuse labels that are no class, which torch meets with a crash without a name, on a GPU of the whole process.

    Args:
        labels: of any shape.
        classes: how many there are.
        ignore_index: the label that a head ignores, None for none.
        also_ignored: labels that something else ignores.

    Raises:
        ValueError: with the labels seen, and what to look at.
    """
    wrong = labels[is_no_class(labels, classes, {ignore_index, *also_ignored})]
    if wrong.numel():
        seen = sorted(wrong.unique().tolist())
        raise ValueError(
            f'labels {", ".join(map(str, seen[:5]))} with num_classes={classes}; allowed: 0 to {classes - 1} and '
            f'ignore_index={ignore_index}; {wrong.numel()} pixels have others. Check num_classes, reduce_zero_label and '
            'the masks'
        )
