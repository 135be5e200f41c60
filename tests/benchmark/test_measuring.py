"""Rows: their keys, what fails and why, times in turn, memory."""

import json
import subprocess
import sys

import pytest
import torch
from mmengine.config import Config

from mmseg_vitseg.benchmark import measuring, memory, timing
from mmseg_vitseg.benchmark.measuring import measure_side_by_side
from mmseg_vitseg.benchmark.rows import KEYS, Row
from mmseg_vitseg.benchmark.tables import cells, plot, to_json, to_markdown
from mmseg_vitseg.benchmark.variants import Settings, Variant

SETTINGS = Settings(shape=(48, 64), batch_size=2)


@pytest.fixture
def no_process(monkeypatch):
    """Memory without a process of its own, which takes seconds."""
    monkeypatch.setattr(
        measuring, 'peak_memory_mb', lambda variant, settings: (64.0 if variant.name == 'ours' else 128.0, '')
    )


@pytest.mark.parametrize('mode', ['predict', 'train'])
def test_rows_of_a_model_and_its_twin(tiny, no_process, mode):
    variants = Variant('ours', tiny['setr']), Variant('stock', tiny['setr'], 'stock')
    rows = measure_side_by_side('setr', variants, Settings(mode, (48, 64), 2), repeats=3)
    result = json.loads(to_json(rows, 'cpu'))
    assert list(result) == ['device', 'torch', 'mmseg', 'threads', 'rows']
    ours, host = result['rows']
    assert tuple(ours) == tuple(host) == KEYS
    assert (ours['variant'], host['variant']) == ('ours', 'stock')
    assert ours['shape'] == [48, 64]
    assert list(ours['latency_ms']) == ['min', 'median', 'max']
    assert ours['latency_ms']['min'] <= ours['latency_ms']['median'] <= ours['latency_ms']['max']
    assert ours['images_per_s'] == pytest.approx(2000 / ours['latency_ms']['median'])
    assert (ours['ratio_latency'], ours['max_abs_diff']) == (None, None)
    assert host['ratio_memory'] == 2
    assert host['ratio_latency'] > 0
    assert host['max_abs_diff'] < 1e-4
    assert ours['params_m'] - host['params_m'] == pytest.approx(0, abs=1e-9)
    assert len(rows[0].times_ms) == len(rows[1].ratios) == 3


def test_what_cannot_run_says_why_and_the_others_go_on(tiny, no_process):
    variants = [
        Variant('ours', tiny['linear']),
        Variant('stock', tiny['linear'], 'stock'),
        Variant('setr', tiny['setr']),
    ]
    ours, host, setr = measure_side_by_side('linear', variants, SETTINGS, repeats=1)
    assert host.to_json()['variant'] == 'stock: ValueError: the host has no LinearPatchHead'
    assert host.to_json()['latency_ms'] is None
    assert ours.times_ms
    assert setr.times_ms
    assert 'does not fit' in setr.to_json()['variant']


def test_what_is_killed_in_its_own_process_is_not_tried_here(tiny, monkeypatch):
    monkeypatch.setattr(measuring, 'peak_memory_mb', lambda variant, settings: (None, 'out of memory'))
    (row,) = measure_side_by_side('setr', [Variant('ours', tiny['setr'])], SETTINGS, repeats=1)
    assert (row.notes, row.times_ms) == (['out of memory'], [])


def test_steps_are_timed_in_turn_and_a_failing_one_is_left_out():
    calls = []

    def broken():
        if calls.count('c') > 2:
            raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2 TiB')
        calls.append('c')

    steps = dict(a=lambda: calls.append('a'), c=broken, b=lambda: calls.append('b'))
    times, failed = timing.time_in_turn(steps, 'cpu', repeats=3)
    assert ''.join(calls) == 'aaccbb' + 'acb' + 'ab' + 'ab'
    assert {name: len(values) for name, values in times.items()} == dict(a=3, b=3)
    assert failed == dict(c='out of memory')
    assert timing.ratios([6.0, 8.0], of=[2.0, 4.0]) == [3, 2]


def test_rounds_end_when_the_medians_are_stable(monkeypatch):
    clock = iter([*[9.0] * 4, *[1.0] * 100])  # warm-ups, which do not count, and slow first rounds
    monkeypatch.setattr(timing, 'timed', lambda step, device: next(clock))
    times, _ = timing.time_in_turn(dict(a=None), 'cpu')
    assert times['a'] == [9, 9, 1, 1, 1]
    drifting = iter(range(1, 1000))
    monkeypatch.setattr(timing, 'timed', lambda step, device: float(next(drifting)))
    times, _ = timing.time_in_turn(dict(a=None), 'cpu')
    assert len(times['a']) == timing.MOST
    times, _ = timing.time_in_turn(dict(a=None), 'cpu', seconds=0)
    assert len(times['a']) == timing.FEWEST


ADDED = """
import torch
from mmseg_vitseg.benchmark import memory
device = torch.device('cpu')
freed = torch.ones(64 * memory.MEBIBYTE)  # 256 MiB
del freed
before = memory._reset(device)
held = torch.ones(16 * memory.MEBIBYTE)  # 64 MiB
del held
print(None if before is None else (memory._peak(device) - before) / memory.MEBIBYTE)
"""


def test_peak_memory_is_what_is_added_not_what_was_there_before():
    """In a process where nothing else comes and goes."""
    answer = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', ADDED], capture_output=True, text=True, check=True
    ).stdout.split()[-1]
    if answer == 'None':
        pytest.skip('this system does not tell the peak of a process')
    assert 60 < float(answer) < 80


@pytest.mark.slow
def test_peak_memory_of_a_process_of_its_own(tiny):
    small, large = (
        memory.peak_memory_mb(Variant('ours', tiny['segformer']), Settings('forward', (side, side), 1))
        for side in (64, 768)
    )
    assert (small[1], large[1]) == ('', '')
    if large[0] is not None:
        hidden = 4 * 192**2 * 32 / memory.MEBIBYTE  # the first stage's widest map, and the image
        assert large[0] > small[0] + hidden
    assert memory.peak_memory_mb(Variant('stock', tiny['linear'], 'stock'), SETTINGS) == (
        None,
        'ValueError: the host has no LinearPatchHead',
    )


def test_reports(tmp_path):
    row = Row('name', 'ours', SETTINGS, 1.5, 2.5, [1.0, 2.0, 4.0], 100.0)
    other = Row('name', 'stock', SETTINGS, times_ms=[2.0, 4.0, 4.0], peak_memory_mb=50.0, ratios=[2.0, 2.0, 1.0])
    failed = Row('name', 'hf', SETTINGS, notes=['no | luck'])
    where, _, command, _, *lines = to_markdown([row, other, failed], 'cpu', 'python tool').splitlines()
    assert where.startswith('device cpu')
    assert command == '`python tool`'
    assert '2.0 (1.0-4.0)' in lines[2]
    assert '2.00 (1.00-2.00)' in lines[3]
    assert 'hf: no / luck' in lines[4]
    assert {line.count('|') for line in lines[:5]} == {len(cells(row)) + 1}
    plot([row, other, failed], tmp_path / 'plot.png')
    assert (tmp_path / 'plot.png').read_bytes().startswith(b'\x89PNG')
    with pytest.raises(ValueError, match='nothing to draw'):
        plot([failed], tmp_path / 'none.png')


def test_missing_weights_are_not_needed(tiny):
    assert Config.fromfile(tiny['setr']).model.backbone.init_cfg.checkpoint == 'missing.safetensors'
    Variant('ours', tiny['setr']).build().model.init_weights()
