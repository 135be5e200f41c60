"""Whether two variants give the same results from the same weights."""

import math
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from mmseg_vitseg.benchmark.host_twin import share_eps
from mmseg_vitseg.benchmark.random_weights import draw
from mmseg_vitseg.benchmark.segmentors import Segmentor
from mmseg_vitseg.benchmark.steps import Step, attempt
from mmseg_vitseg.benchmark.variants import Settings, Variant


@dataclass
class Comparison:
    """How far the results of two variants are apart.

    Args:
        max_abs_diff: the largest difference of logits, or in training of the loss and of the images' gradient; None where
            there is nothing to compare.
        labels_agree: share of the pixels that have the same label; None in training.
        equal: the results are equal to the defaults of ``torch.testing.assert_close``, labels aside.
        note: why there is nothing to compare, or ''.
        other_failed: it is that the one that is compared with does not run.
    """

    max_abs_diff: float | None = None
    labels_agree: float | None = None
    equal: bool = False
    note: str = ''
    other_failed: bool = False


def compare_variants(ours: Step, other: Step, seed: int = 0) -> Comparison:
    """Draw weights in ``other``, copy them into ``ours``, and compare what the two give for the same batch.

    Weights travel as a checkpoint of the other's would: through the maps of ``checkpoints/``, every key or none.
    """
    draw(other.segmentor.model, seed)
    if other.segmentor.notes:
        return Comparison(note='; '.join(other.segmentor.notes))
    _, why = attempt(lambda: _copy_weights(other.segmentor, ours.segmentor))
    if why:
        return Comparison(note=f'results not compared: {why}')
    if other.segmentor.draws_its_loss and other.settings.mode == 'train':
        return Comparison(note=f'results not compared: {other.segmentor.draws_its_loss}')
    results = []
    for step in (other, ours):
        torch.manual_seed(seed)  # some models draw numbers whenever they predict
        result, why = attempt(step.outputs)
        if why:
            return Comparison(note=why, other_failed=step is other)
        results.append(result)
    theirs, own = results
    return compare_outputs(own, theirs)


def compare_configs(ours: str, other: str, shape: tuple[int, int]) -> Comparison:
    """Compare what two config files' models predict from the same weights, in float64: rounding is no difference there.

    Where the other's takes float32 only, in float32.

    Args:
        ours: a config file whose model takes the weights of the other's.
        other: a config file.
        shape: (H, W) of the image.
    """
    comparison = _compare_built(ours, other, Settings(shape=shape, dtype='float64'))
    if comparison.other_failed:
        comparison = _compare_built(ours, other, Settings(shape=shape))
    return comparison


def _built(path: str, settings: Settings) -> Step:
    return Step(Variant(path, path).build(), settings)


def _compare_built(ours: str, other: str, settings: Settings) -> Comparison:
    steps = []
    for path in (other, ours):
        step, why = attempt(partial(_built, path, settings))
        if why:
            return Comparison(note=why, other_failed=path == other)
        steps.append(step)
    theirs, own = steps
    return compare_variants(own, theirs)


def _copy_weights(source: Segmentor, target: Segmentor) -> None:
    target.model.load_state_dict(source.weights())
    share_eps(source.backbone, target.backbone)


def compare_to_float32(step: Step) -> Comparison:
    """Compare a step in reduced precision with the same weights in float32."""
    reduced, why = attempt(step.outputs)
    step.dtype, dtype = 'float32', step.dtype
    full, why_not = attempt(step.outputs)
    step.dtype = dtype
    why = why or why_not
    return Comparison(note=why) if why else compare_outputs(full, reduced)


def compare_outputs(ours: list[Tensor], theirs: list[Tensor]) -> Comparison:
    """Compare two results of :meth:`Step.outputs`."""
    if any(a.shape != b.shape for a, b in zip(ours, theirs, strict=True)):
        return Comparison(note='results of another shape')
    floats = [pair for pair in zip(ours, theirs, strict=True) if pair[0].is_floating_point()]
    largest = max((a - b).abs().max().item() for a, b in floats)
    if not math.isfinite(largest):
        return Comparison(note='results are not finite')
    agree = [(a == b).float().mean().item() for a, b in zip(ours, theirs, strict=True) if not a.is_floating_point()]
    equal = all(torch.allclose(a, b, rtol=1.3e-6, atol=1e-5) for a, b in floats)
    return Comparison(largest, agree[0] if agree else None, equal)
