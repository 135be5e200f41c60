"""A step whose model is compiled: its first runs, which compile it, and what a row says of them."""

import time

from mmseg_vitseg.benchmark.steps import Step

FIRST = 3  # the second and the third find gradients and an optimizer's state, or the layout of a result, that were not there


def run_first(step: Step) -> list[str]:
    """Run a step until nothing is compiled any more, and forget what it has left; return what a row says of it."""
    if not step.settings.compile:
        return []
    from torch._dynamo.utils import counters  # as torch.compile itself: 150 MB and a second

    start, breaks, graphs = time.perf_counter(), counters['graph_break'].total(), counters['stats']['unique_graphs']
    for _ in range(FIRST):
        step()
    if step.settings.mode == 'train':
        step.optimizer.zero_grad(set_to_none=True)
        step.optimizer.state.clear()
    breaks, graphs = counters['graph_break'].total() - breaks, counters['stats']['unique_graphs'] - graphs
    seconds = time.perf_counter() - start
    return [f'{_number(graphs, "graph")} and {_number(breaks, "graph break")}, compiled in {seconds:.0f} s']


def forget_compiled() -> None:
    """Let torch forget what it has compiled: eight graphs of one function are its limit, and more are run uncompiled."""
    import torch._dynamo

    torch._dynamo.reset()


def _number(count: int, of: str) -> str:
    return f'{count} {of}{"" if count == 1 else "s"}'
