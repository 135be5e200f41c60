"""Whether two variants give the same results from the same weights."""

import math
from dataclasses import dataclass

from torch import Tensor

from mmseg_vitseg.benchmark.building import draw
from mmseg_vitseg.benchmark.twins import share_eps
from mmseg_vitseg.benchmark.variants import Segmentor, Step, reason


@dataclass
class Comparison:
    """How far the results of two variants are apart.

    Args:
        max_abs_diff: the largest difference of logits, or in training of the loss and of the images' gradient; None where
            there is nothing to compare.
        labels_agree: share of the pixels that have the same label; None in training.
        note: why there is nothing to compare, or ''.
    """

    max_abs_diff: float | None = None
    labels_agree: float | None = None
    note: str = ''


def compare_variants(ours: Step, other: Step, seed: int = 0) -> Comparison:
    """Draw weights in ``other``, copy them into ``ours``, and compare what the two give for the same batch.

    Weights travel as a checkpoint of the other's would: through the maps of ``checkpoints/``, every key or none.
    """
    draw(other.segmentor.model, seed)
    if other.segmentor.notes:
        return Comparison(note='; '.join(other.segmentor.notes))
    _, why = reason(lambda: _copy_weights(other.segmentor, ours.segmentor))
    if why:
        return Comparison(note=f'results not compared: {why}')
    outputs, why = reason(lambda: (ours.outputs(), other.outputs()))
    return Comparison(note=why) if why else compare(*outputs)


def _copy_weights(source: Segmentor, target: Segmentor) -> None:
    target.model.load_state_dict(source.weights())
    share_eps(source.backbone, target.backbone)


def compare_to_float32(step: Step) -> Comparison:
    """Compare a step in reduced precision with the same weights in float32."""
    reduced, why = reason(step.outputs)
    step.dtype, dtype = 'float32', step.dtype
    full, why_not = reason(step.outputs)
    step.dtype = dtype
    why = why or why_not
    return Comparison(note=why) if why else compare(full, reduced)


def compare(ours: list[Tensor], theirs: list[Tensor]) -> Comparison:
    """Compare two results of :meth:`Step.outputs`."""
    if any(a.shape != b.shape for a, b in zip(ours, theirs, strict=True)):
        return Comparison(note='results of another shape')
    largest = max((a - b).abs().max().item() for a, b in zip(ours, theirs, strict=True) if a.is_floating_point())
    if not math.isfinite(largest):
        return Comparison(note='results are not finite')
    agree = [(a == b).float().mean().item() for a, b in zip(ours, theirs, strict=True) if not a.is_floating_point()]
    return Comparison(largest, agree[0] if agree else None)
