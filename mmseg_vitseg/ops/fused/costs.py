"""What the kernels ask of a CUDA device, to be counted where there is none; triton need not be installed.

``tests/ops/fused/test_costs.py`` runs what launches them without launching, and compares.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor


class Cost(NamedTuple):
    """What a call asks of a CUDA device.

    Args:
        launches: kernels.
        moved: bytes that they read and write, each tensor once a kernel.
    """

    launches: int
    moved: int


def moved_bytes(*tensors: Tensor) -> int:
    """Return the bytes of tensors; of what is expanded, each element once."""
    total = 0
    for tensor in tensors:
        elements = 1
        for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
            elements *= size if stride else 1
        total += elements * tensor.element_size()
    return total


def of_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    class_weight: Sequence[float],
    down: Sequence[int],
    across: Sequence[int],
    ignore_index: int,
    with_gradient: bool,
) -> Cost:
    """Return the cost of the operator ``upsample_cross_entropy``, but for tables, weights and partial sums, which are small.

    The losses; the gradient; the partial sums to float64, and their sum.
    """
    copied = [one for one in (logits, labels) if not one.is_contiguous()]
    lse = 4 * labels.numel()
    moved = 2 * moved_bytes(*copied) + moved_bytes(logits, labels) + lse
    if with_gradient:
        moved += moved_bytes(logits, labels) + lse + 4 * logits.numel()
    return Cost(len(copied) + 3 + with_gradient, moved)


def of_argmax(
    logits: Tensor, size: Sequence[int], down: Sequence[int], across: Sequence[int], confidence: bool
) -> Cost:
    """Return the cost of the operator ``upsample_argmax``, but for tables, which are small."""
    copied = [] if logits.is_contiguous() else [logits]
    labels = 8 * size[0] * size[1]
    moved = 2 * moved_bytes(*copied) + moved_bytes(logits) + labels + (labels // 2 if confidence else 0)
    return Cost(len(copied) + 1, moved)


COSTS: dict[str, Callable[..., Cost]] = {
    'upsample_cross_entropy': of_cross_entropy,
    'upsample_argmax': of_argmax,
}  # by the operator's name
