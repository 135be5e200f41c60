"""CUDA graphs and torch.compile: what they gain, how many graphs and breaks there are, and how often it compiles anew."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch._dynamo.utils import counters

from gpu.cases import B0, CONFIGS, of_size, place
from gpu.session import Session, fastest_convolutions
from mmseg_vitseg.benchmark.steps import Step
from mmseg_vitseg.benchmark.variants import Settings, Variant

BATCH = {'predict': 1, 'train': 8}
WARM_UP = 3  # steps before one is captured
OTHER_SIZES = ((32, 64), (64, 32))  # added to the first one


def run(session: Session) -> None:
    """Measure B0 in bfloat16: what is soon done, then what no GPU has told, then what is known."""
    case = of_size(B0, session)
    ours, host = case.variants(CONFIGS)
    measured: list[tuple[str, Callable, Variant]] = [('CUDA graph', captured, ours)] if session.on_gpu else []
    measured += [('compiled, default', partial(compiled, kind='default'), ours)]
    if session.on_gpu:
        measured += [('compiled, reduce-overhead', partial(compiled, kind='reduce-overhead'), ours)]
    measured += [('compiled, default', partial(compiled, kind='default'), host)]
    measured += [('graph breaks', graphs_and_breaks, variant) for variant in (ours, host)]
    for what, measure, variant in measured:
        for mode, batch in BATCH.items():
            batch = 1 if session.quick else batch
            settings = Settings(mode=mode, shape=case.shape, batch_size=batch, dtype='bfloat16', device=session.device)
            values = dict(case=case.name, mode=mode, batch_size=batch)
            run_one = partial(measure, session, what, variant, settings, values)
            session.attempt(what, run_one, **values, variant=variant.name)


def graphs_and_breaks(session: Session, what: str, variant: Variant, settings: Settings, values: dict) -> None:
    """Count them, without compiling to kernels, and the graphs that other sizes add."""
    segmentor = place(variant, session.device)
    torch._dynamo.reset()
    counters.clear()
    segmentor.model.compile(backend='eager')
    Step(segmentor, settings)()
    graphs, breaks = _graphs(), sum(counters['graph_break'].values())
    height, width = settings.shape
    for down, across in OTHER_SIZES:
        Step(segmentor, replace(settings, shape=(height + down, width + across)))()
    more = _graphs() - graphs
    session.row(what, **values, variant=variant.name, graphs=graphs, breaks=breaks, graphs_of_other_sizes=more)


def _graphs() -> int:
    return counters['stats']['unique_graphs']


def captured(session: Session, what: str, variant: Variant, settings: Settings, values: dict) -> None:
    """Capture a whole step, of training with its optimizer's, and replay it in turn with the step itself."""
    step = Step(place(variant, session.device), settings)
    if settings.mode == 'train':
        for group in step.optimizer.param_groups:
            group['capturable'] = True  # it counts its steps on the GPU
    graph = torch.cuda.CUDAGraph()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with fastest_convolutions():
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                step()
        torch.cuda.current_stream().wait_stream(side)
        with torch.cuda.graph(graph):
            result = step()
    graph.replay()
    if settings.mode == 'train' and not result.isfinite():
        raise ValueError(f'the loss of a replayed step is {result.item()}')
    runs = {f'{variant.name}, replayed': graph.replay, f'{variant.name}, as it is': step}
    session.in_turn(what, runs, memory=False, **values)  # a graph's is taken when it is captured


def compiled(session: Session, what: str, variant: Variant, settings: Settings, values: dict, kind: str) -> None:
    """Compile the model, and time its steps in turn with those of one that is not compiled."""
    torch._dynamo.reset()
    plain = Step(place(variant, session.device), settings)
    segmentor = place(variant, session.device)
    if session.quick:  # inductor takes minutes on a CPU
        segmentor.model.compile(backend='aot_eager')
    else:
        segmentor.model.compile(mode=kind)
    step = Step(segmentor, settings)
    with fastest_convolutions():
        plain()
        began = time.perf_counter()
        step()
        if session.on_gpu:
            torch.cuda.synchronize()
    session.row(f'{what}, first step', **values, variant=variant.name, seconds=time.perf_counter() - began)
    runs = {f'{variant.name}, compiled': step, f'{variant.name}, as it is': plain}
    session.in_turn(what, runs, seconds=1.0, **values)
