"""Peak memory of a variant's steps, in a fresh process of its own.

    python -m mmseg_vitseg.benchmark.memory '{"variant": {...}, "settings": {...}}'

It prints one JSON object: ``peak_mb``, or ``error``.
"""

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from mmseg_vitseg.benchmark.compiling import run_first
from mmseg_vitseg.benchmark.steps import Step, attempt
from mmseg_vitseg.benchmark.variants import Settings, Variant
from mmseg_vitseg.machine import set_matmul_precision

STEPS = 2  # the second has the optimizer's state, and what the first left in caches
MEBIBYTE = 2**20


def peak_memory_mb(variant: Variant, settings: Settings) -> tuple[float | None, str]:
    """Measure in a fresh process how much memory steps take beyond what the process held before the first one.

    So weights and libraries are not in it; activations, results, gradients and the optimizer's state are.

    Returns:
        MiB, or None where the system does not tell; and why the variant cannot run, or ''.
    """
    request = json.dumps(dict(variant=asdict(variant), settings=asdict(settings)))
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(filter(None, [*sys.path]))}
    child = subprocess.run(
        [sys.executable, '-m', 'mmseg_vitseg.benchmark.memory', request],
        capture_output=True,
        text=True,
        env=environment,
    )
    if child.returncode < 0:
        return None, f'out of memory, or killed otherwise (signal {-child.returncode})'
    lines = child.stdout.strip().splitlines()
    if child.returncode or not lines:
        return None, f'its process failed: {(child.stderr.strip().splitlines() or ["no output"])[-1]}'
    answer = json.loads(lines[-1])
    return answer.get('peak_mb'), answer.get('error', '')


def measure(variant: Variant, settings: Settings) -> float | None:
    """Build the variant here and return the MiB that steps add; None where the system does not tell."""
    if settings.threads:
        torch.set_num_threads(settings.threads)
    set_matmul_precision(settings.matmul_precision)
    step = Step(variant.build(), settings)
    run_first(step)  # what compiling takes is not the step's
    return added_mb(step, step.device)


def added_mb(step: Callable[[], object], device: str | torch.device) -> float | None:
    """Return the MiB that steps add to what this process holds now; None where the system does not tell.

    On a CPU, what the allocator had kept from before is not seen: there in a process of its own only.
    """
    device = torch.device(device)
    before = _reset(device)
    for _ in range(STEPS):
        step()
    after = _peak(device)
    return None if before is None or after is None else (after - before) / MEBIBYTE


def _reset(device: torch.device) -> int | None:
    """Start a new peak; return the bytes in use now."""
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    try:
        Path('/proc/self/clear_refs').write_text('5')  # the peak of building the model is not the step's
    except OSError:
        return None
    return _status('VmRSS')


def _peak(device: torch.device) -> int | None:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device)
    return _status('VmHWM')


def _status(key: str) -> int | None:
    """Read a figure of this process, in bytes. ru_maxrss would not do: a child starts with its parent's."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith(f'{key}:'):
            return int(line.split()[1]) * 1024
    return None


def main(text: str) -> None:
    """Answer a request on stdout."""
    warnings.simplefilter('ignore')
    request = json.loads(text)
    settings = Settings(**{**request['settings'], 'shape': tuple(request['settings']['shape'])})
    peak, why = attempt(lambda: measure(Variant(**request['variant']), settings))
    print(json.dumps(dict(error=why) if why else dict(peak_mb=peak)))


if __name__ == '__main__':
    main(sys.argv[1])
