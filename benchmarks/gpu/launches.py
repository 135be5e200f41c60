"""What torch's profiler sees of a step, beside what counting foretells: kernels, waits, and how long the GPU is busy."""

import warnings
from collections import Counter
from collections.abc import Sequence
from functools import partial

import torch
from torch.autograd import DeviceType
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import ProfilerActivity, profile

from gpu.cases import B0, CONFIGS, PUP, STREET, of_size, place
from gpu.session import Session, fastest_convolutions
from mmseg_vitseg.benchmark.counting.steps import count_step
from mmseg_vitseg.benchmark.steps import Step
from mmseg_vitseg.benchmark.variants import Settings, Variant

RUNS = ((B0, 'train', 8), (B0, 'predict', 1), (STREET, 'predict', 1), (PUP, 'train', 2))
WARM_UP = 3


def run(session: Session) -> None:
    """Count those of ours and of the host's."""
    for case, mode, batch in RUNS[1:2] if session.quick else RUNS:
        case = of_size(case, session)
        for variant in case.variants(CONFIGS):
            settings = Settings(mode=mode, shape=case.shape, batch_size=batch, device=session.device)
            values = dict(case=case.name, mode=mode, batch_size=batch, variant=variant.name)
            session.attempt('launches', partial(count, session, variant, settings, values), **values)


def count(session: Session, variant: Variant, settings: Settings, values: dict) -> None:
    """Count those of one."""
    step = Step(place(variant, session.device), settings)
    with fastest_convolutions():
        for _ in range(WARM_UP):
            step.without_update()
        seen = profiled(session, step)
        waits = waits_of(session, step)
    on_gpu = [one for one in seen.events() if one.device_type == DeviceType.CUDA and not is_range(one)]
    copies = sum('HtoD' in one.name or 'DtoH' in one.name for one in on_gpu)
    counted = count_step(variant, settings)
    session.row(
        'launches',
        **values,
        launches=len(on_gpu) - copies,
        launches_counted=counted.launches.total(),
        waits=waits,
        waits_counted=counted.waits.total(),
        copies=copies,
        busy_ms=sum(one.time_range.elapsed_us() for one in on_gpu) / 1e3,
    )
    name = f'{settings.mode}_{values["case"]}_{variant.name}.txt'.replace(' ', '_').replace(',', '')
    (session.out / f'kernels_{name}').write_text(listing(on_gpu))
    names = ''.join(f'{launches:6} {call}\n' for call, launches in counted.launches.most_common() if launches)
    (session.out / f'counted_{name}').write_text(names)


def listing(on_gpu: Sequence[FunctionEvent]) -> str:
    """Write each kernel's name once, with how often it ran and its microseconds, the longest first."""
    times: Counter[str] = Counter()
    for one in on_gpu:
        times[one.name] += one.time_range.elapsed_us()
    calls = Counter(one.name for one in on_gpu)
    return ''.join(f'{calls[name]:6} {spent:12.1f} us  {name}\n' for name, spent in times.most_common())


def is_range(event: FunctionEvent) -> bool:
    """Tell a range that a program names, which is drawn on the GPU's line too; torch 2.5 has no mark of them."""
    return bool(getattr(event, 'is_user_annotation', False))


def profiled(session: Session, step: Step) -> profile:
    """Return what the profiler saw of a step, as it is counted: without the optimizer's part."""
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if session.on_gpu else [])]
    with profile(activities=activities) as seen:
        step.without_update()
        if session.on_gpu:
            torch.cuda.synchronize()
    return seen


def waits_of(session: Session, step: Step) -> int | None:
    """Return how often a step waits for the GPU, as torch warns of it; copies from pageable memory do."""
    if not session.on_gpu:
        return None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        torch.cuda.set_sync_debug_mode('warn')
        try:
            step.without_update()
        finally:
            torch.cuda.set_sync_debug_mode('default')
    return sum('called a synchronizing' in str(one.message) for one in caught)  # and not that this mode is a prototype
