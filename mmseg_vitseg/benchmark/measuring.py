"""Measuring variants side by side."""

from collections.abc import Callable, Sequence
from functools import partial

from mmseg_vitseg.benchmark.compiling import forget_compiled, run_first
from mmseg_vitseg.benchmark.differences import Comparison, compare_to_float32, compare_variants
from mmseg_vitseg.benchmark.flops import count_gflops
from mmseg_vitseg.benchmark.memory import peak_memory_mb
from mmseg_vitseg.benchmark.random_weights import draw
from mmseg_vitseg.benchmark.rows import Row
from mmseg_vitseg.benchmark.steps import Step, attempt
from mmseg_vitseg.benchmark.timing import ratios, time_in_turn
from mmseg_vitseg.benchmark.variants import Settings, Variant


def measure_side_by_side(
    config: str,
    variants: Sequence[Variant],
    settings: Settings,
    *,
    repeats: int | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> list[Row]:
    """Measure variants, the first of which the others are compared with.

    Each in a fresh process: peak memory. Then all in this one: FLOPs, results, and times in turn. A variant that fails is a
    row that says why; the others go on.

    Args:
        config: what the rows call it.
        variants: what to measure; their names differ.
        settings: how.
        repeats: rounds of timing; None: until it is stable.
        progress: is told where we are.
    """
    if settings.compile:
        forget_compiled()
    rows = {variant.name: Row(config, variant.name, settings) for variant in variants}
    steps = _prepare_all(variants, settings, rows, progress)
    _compare_all(rows, steps, settings, progress)
    times, failed = time_in_turn(steps, settings.device, repeats=repeats, progress=progress)
    for name, row in rows.items():
        row.times_ms = times.get(name, [])
        row.notes += [failed[name]] if name in failed else []
    first, *others = rows.values()
    for row in others:
        if row.times_ms and first.times_ms:
            row.ratios = ratios(row.times_ms, first.times_ms)
        if row.peak_memory_mb and first.peak_memory_mb:
            row.ratio_memory = row.peak_memory_mb / first.peak_memory_mb
    return list(rows.values())


def _prepare_all(
    variants: Sequence[Variant], settings: Settings, rows: dict[str, Row], progress: Callable[[str], None]
) -> dict[str, Step]:
    """Measure each variant's peak memory, and make its step; one that fails has a note instead."""
    steps: dict[str, Step] = {}
    for variant in variants:
        row = rows[variant.name]
        progress(f'{variant.name}: peak memory, in a process of its own')
        row.peak_memory_mb, why = peak_memory_mb(variant, settings)
        if not why:  # what was killed in a process of its own is not tried in this one
            progress(f'{variant.name}: building')
            step, why = attempt(partial(_prepare, variant, settings, row))
        if why:
            row.notes.append(why)
        else:
            steps[variant.name] = step
    return steps


def _prepare(variant: Variant, settings: Settings, row: Row) -> Step:
    """Build, draw weights, fill in what needs no run, and make the step, compiled if that is asked for."""
    segmentor = variant.build()
    row.notes += segmentor.notes
    draw(segmentor.model)
    row.params_m = sum(parameter.numel() for parameter in segmentor.model.parameters()) / 1e6
    row.gflops, why = attempt(lambda: count_gflops(segmentor, settings.shape, settings.device))
    row.notes += [f'FLOPs not counted: {why}'] if why else []
    step = Step(segmentor, settings)
    row.notes += run_first(step)
    return step


def _compare_all(
    rows: dict[str, Row], steps: dict[str, Step], settings: Settings, progress: Callable[[str], None]
) -> None:
    """Compare the results of each variant that runs with the first one's, and the first one's with float32."""
    first, *others = rows.values()
    for row in others:
        if {row.variant, first.variant} <= steps.keys():
            progress(f'{row.variant}: comparing results')
            _note(row, compare_variants(steps[first.variant], steps[row.variant]))
    if settings.dtype != 'float32' and first.variant in steps:
        _note(first, compare_to_float32(steps[first.variant]))


def _note(row: Row, comparison: Comparison) -> None:
    row.max_abs_diff, row.labels_agree = comparison.max_abs_diff, comparison.labels_agree
    if comparison.note and comparison.note not in '; '.join(row.notes):
        row.notes.append(comparison.note)
