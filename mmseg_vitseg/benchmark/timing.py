"""Timing steps in turn, A B A B, so that what else the machine does meets all of them alike."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median

import torch

from mmseg_vitseg.benchmark.steps import attempt

WARM_UP, LONG = 2, 5e3  # steps before any is timed, one where it takes so many ms: it compiles, allocates, fills caches
FEWEST, MOST, SECONDS = 5, 50, 60.0  # rounds, and time for them, where their number is not given
STABLE = 0.01  # the later half's median within 1 % of the whole's


def time_in_turn(
    steps: Mapping[str, Callable[[], object]],
    device: str,
    *,
    repeats: int | None = None,
    seconds: float = SECONDS,
    progress: Callable[[str], None] = lambda text: None,
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Time each step once a round, in the order given.

    Args:
        steps: name -> what to run.
        device: where it runs; on a GPU the time is that between two events on its stream.
        repeats: rounds; None: until every median is stable, at least FEWEST rounds, until MOST of them or ``seconds``.
        seconds: for the rounds, where their number is not given.
        progress: is told where we are.

    Returns:
        name -> milliseconds of each round, so that the times of one round stand at one index in all of them; name -> why
        there are none, of a step that failed and was left out.
    """
    failed: dict[str, str] = {}
    for name, step in steps.items():
        for _ in range(WARM_UP):
            progress(f'{name}: warm-up')
            took, why = attempt(partial(timed, step, device))
            if why:
                failed[name] = why
            if why or took > LONG:
                break
    times: dict[str, list[float]] = {name: [] for name in steps if name not in failed}
    start = time.perf_counter()
    while times and not _enough(times, repeats, time.perf_counter() - start >= seconds):
        for name in list(times):
            progress(f'{name}: round {len(times[name]) + 1}{"" if repeats is None else f" of {repeats}"}')
            milliseconds, why = attempt(partial(timed, steps[name], device))
            if why:
                failed[name] = why
                del times[name]
            else:
                times[name].append(milliseconds)
    return times, failed


def timed(step: Callable[[], object], device: str) -> float:
    """Return how many milliseconds a step takes, until its results are there."""
    if torch.device(device).type == 'cuda':
        before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        before.record()
        step()
        after.record()
        torch.cuda.synchronize(device)
        return before.elapsed_time(after)
    start = time.perf_counter()
    step()
    return 1e3 * (time.perf_counter() - start)


def ratios(times: Sequence[float], of: Sequence[float]) -> list[float]:
    """Return the ratio of two steps' times round by round."""
    return [one / other for one, other in zip(times, of, strict=True)]


def _enough(times: Mapping[str, list[float]], repeats: int | None, over: bool) -> bool:
    rounds = min(map(len, times.values()))
    if repeats is not None:
        return rounds >= repeats
    return rounds >= MOST or (rounds >= FEWEST and (over or all(map(_is_stable, times.values()))))


def _is_stable(times: Sequence[float]) -> bool:
    later = median(times[len(times) // 2 :])
    return abs(later - median(times)) <= STABLE * median(times)
