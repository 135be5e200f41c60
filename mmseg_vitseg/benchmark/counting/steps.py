"""Counting a step of a variant."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from mmseg_vitseg.benchmark.counting.counter import Counter, Counts
from mmseg_vitseg.benchmark.counting.stand_ins import StandIns
from mmseg_vitseg.benchmark.flops import count_gflops
from mmseg_vitseg.benchmark.rows import Row
from mmseg_vitseg.benchmark.steps import Step, attempt
from mmseg_vitseg.benchmark.variants import Settings, Variant


def count_step(variant: Variant, settings: Settings) -> Counts:
    """Count what a step asks of a CUDA device: forward, loss and backward, without the optimizer, in training.

    It is the second step: the first one makes what is kept for all that follow.

    Args:
        variant: is built here.
        settings: ``device`` is of no effect.

    Raises:
        ValueError: there is no such twin; and what a constructor or the step raises.
    """
    return _counted(Step(variant.build(), replace(settings, device='meta')))


def _counted(step: Step) -> Counts:
    for _ in range(2):
        with Counter() as counter, StandIns(counter):
            step.without_update()
    return counter.counts


def count_side_by_side(
    config: str,
    variants: Sequence[Variant],
    settings: Settings,
    *,
    progress: Callable[[str], None] = lambda text: None,
) -> list[Row]:
    """Count variants; one that cannot be counted is a row that says why.

    Args:
        config: what the rows call it.
        variants: what to count.
        settings: how a step is run.
        progress: is told where we are.
    """
    settings = replace(settings, device='meta')
    rows = [Row(config, variant.name, settings) for variant in variants]
    for row, variant in zip(rows, variants, strict=True):
        progress(f'{variant.name}: counting')
        _, why = attempt(partial(_fill, row, variant))
        row.notes += [why] if why else []
    return rows


def _fill(row: Row, variant: Variant) -> None:
    segmentor = variant.build()
    row.notes += segmentor.notes
    row.params_m = sum(parameter.numel() for parameter in segmentor.model.parameters()) / 1e6
    row.gflops, why = attempt(lambda: count_gflops(segmentor, row.settings.shape, 'cuda'))
    row.notes += [f'FLOPs not counted: {why}'] if why else []
    counts = _counted(Step(segmentor, row.settings))
    row.launches, row.launches_loss = counts.launches.total(), counts.launches_loss.total()
    row.waits, row.moved_gb = counts.waits.total(), counts.moved / 1e9
