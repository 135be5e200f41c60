"""What a phase runs in: the device, the sizes, where its rows go, and how it measures."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch

from mmseg_vitseg.benchmark.memory import added_mb
from mmseg_vitseg.benchmark.steps import AUTOCAST, attempt
from mmseg_vitseg.benchmark.timing import ratios, time_in_turn

OTHERS = ('stock', 'host', 'hf')  # variants whose names begin so: that one of these fails is a finding, not our failure
# float32: no TF32 at all; default: torch's, convolutions in TF32; tf32: products too; bfloat16: autocast, the rest default
PRECISIONS = ('float32', 'default', 'tf32', 'bfloat16')


@dataclass
class Session:
    """A phase's.

    Args:
        phase: its name.
        out: the folder of rows and logs.
        device: ``cuda`` or ``cpu``.
        quick: tiny sizes, each step once: does the code run?
        failed: something of ours did.
    """

    phase: str
    out: Path
    device: str
    quick: bool
    failed: bool = field(default=False, init=False)

    @property
    def on_gpu(self) -> bool:
        """Tell whether figures of a GPU are to be had."""
        return self.device == 'cuda'

    def row(self, what: str, **values: Any) -> None:
        """Write a row at once: a phase that is cut off keeps what it has. ``error`` makes the phase a failed one."""
        if values.get('error') and not values.get('variant', '').startswith(OTHERS):
            self.failed = True
        values = {key: value for key, value in values.items() if value not in (None, '')}
        line = json.dumps(dict(phase=self.phase, what=what, **values))
        with open(self.out / 'rows.jsonl', 'a') as file:
            file.write(line + '\n')
        print(line)  # into the phase's log

    def attempt(self, what: str, run: Callable[[], Any], **values: Any) -> Any:
        """Return what something returns; where it fails, write a row that says why, and return None."""
        result, why = attempt(run)
        if why:
            self.row(what, **values, error=why)
        return result

    def in_turn(
        self,
        what: str,
        runs: Mapping[str, Callable[[], Any]],
        *,
        seconds: float = 0.4,
        memory: bool = True,
        **values: Any,
    ) -> None:
        """Measure what several do, in turn: a row each, with the ratios of its time and memory to the first one's.

        Args:
            what: they do.
            runs: variant -> what to run; the first is ours.
            seconds: how long they are timed, together.
            memory: measure it too, on a GPU; a CPU's would need a process of its own.
            values: of all their rows.
        """
        peaks: dict[str, float | None] = {}
        if memory and self.on_gpu:
            peaks = {name: attempt(partial(added_mb, run, self.device))[0] for name, run in runs.items()}
        with fastest_convolutions():
            times, failed = time_in_turn(runs, self.device, repeats=1 if self.quick else None, seconds=seconds)
        first = next(iter(runs))
        for name in runs:
            if name in failed:
                self.row(what, variant=name, **values, error=failed[name])
                continue
            compared = name != first and first in times
            self.row(
                what,
                variant=name,
                **values,
                ms=median(times[name]),
                ms_min=min(times[name]),
                ms_max=max(times[name]),
                ratio_latency=median(ratios(times[name], times[first])) if compared else None,
                peak_memory_mb=peaks.get(name),
                ratio_memory=_over(peaks.get(name), peaks.get(first)) if compared else None,
            )


def _over(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


@contextmanager
def fastest_convolutions() -> Iterator[None]:
    """Let cuDNN try its ways, as our configs do; peak memory is without their attempts."""
    before, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


@contextmanager
def precision(kind: str) -> Iterator[None]:
    """Compute in one of PRECISIONS; autocast is :func:`autocast`'s, since a step has its own."""
    convolutions, products = torch.backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    torch.backends.cudnn.allow_tf32 = kind != 'float32'
    torch.set_float32_matmul_precision('high' if kind == 'tf32' else 'highest')
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = convolutions
        torch.set_float32_matmul_precision(products)


def autocast(kind: str, device: str) -> AbstractContextManager:
    """Return autocast where one of PRECISIONS is half."""
    return torch.autocast(device, AUTOCAST.get(kind), enabled=kind in AUTOCAST)
