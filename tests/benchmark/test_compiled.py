"""Compiled steps in the benchmark: what a row says of their graphs, and of a compiler that fails."""

from functools import partial

import pytest
import torch

from mmseg_vitseg.benchmark import measuring
from mmseg_vitseg.benchmark.compiling import run_first
from mmseg_vitseg.benchmark.measuring import measure_side_by_side
from mmseg_vitseg.benchmark.steps import Step
from mmseg_vitseg.benchmark.variants import Settings, Variant

pytestmark = pytest.mark.filterwarnings('ignore')  # torch's own, while it compiles


@pytest.fixture(autouse=True)
def forgotten():
    yield
    torch._dynamo.reset()


def rows_of(monkeypatch, config: str, backend, mode: str = 'predict') -> list:
    monkeypatch.setattr(torch, 'compile', partial(torch.compile, backend=backend))  # the default's takes a minute
    monkeypatch.setattr(measuring, 'peak_memory_mb', lambda variant, settings: (None, ''))
    settings = Settings(mode, shape=(64, 64), batch_size=2, compile=True)
    return measure_side_by_side('name', [Variant('ours', config)], settings, repeats=1)


@pytest.mark.parametrize('mode', ['predict', 'train'])
def test_a_row_counts_graphs_and_breaks(tiny, monkeypatch, mode):
    (row,) = rows_of(monkeypatch, tiny['linear'], 'eager', mode)
    assert row.times_ms
    assert row.notes[0].startswith('1 graph and 0 graph breaks, compiled in ')


@pytest.mark.parametrize(
    ('message', 'note'),
    [
        ('No working C++ compiler found in config: (None,)\nmore', 'torch.compile needs a compiler: install g++'),
        ('something else\nmore', 'something else'),
    ],
)
def test_a_compiler_that_fails_is_a_note(tiny, monkeypatch, message, note):
    def fail(graph, inputs):
        raise OSError(message)

    (row,) = rows_of(monkeypatch, tiny['linear'], fail)
    assert not row.times_ms
    assert note in row.notes[0]
    assert len(row.notes[0].splitlines()) == 1


def test_what_is_not_compiled_is_not_run_first(tiny):
    step = Step(Variant('ours', tiny['linear']).build(), Settings('train', shape=(64, 64)))
    assert run_first(step) == []
    assert not step.optimizer.state


def test_the_optimizer_is_as_before_after_the_first_runs(tiny, monkeypatch):
    monkeypatch.setattr(torch, 'compile', partial(torch.compile, backend='eager'))
    step = Step(Variant('ours', tiny['linear']).build(), Settings('train', shape=(64, 64), compile=True))
    run_first(step)
    assert not step.optimizer.state
    assert all(parameter.grad is None for parameter in step.segmentor.model.parameters())
