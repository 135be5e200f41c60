"""What a label of a mask may be: a class, counted from 0, or a label of pixels that do not count."""

import inspect
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from mmseg.evaluation import IoUMetric
from torch import Tensor

IGNORED: int = inspect.signature(IoUMetric).parameters['ignore_index'].default  # unless a head or a metric says another

Array = TypeVar('Array', Tensor, np.ndarray)


def is_no_class(labels: Array, classes: int, ignored: Iterable[int | None] = ()) -> Array:
    """Return where labels are neither a class, 0 to ``classes`` - 1, nor ignored; of a tensor or an array, as is given."""
    wrong = (labels < 0) | (labels >= classes)
    for label in ignored:
        if label is not None:
            wrong &= labels != label
    return wrong


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
