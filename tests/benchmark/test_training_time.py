"""benchmarks/training_time.py: each part counts for itself alone, and a short training says what a whole one takes."""

import json
import subprocess
import sys

import pytest

import clock
import training_time
from vitseg_tests.paths import ROOT, config_path

TINY = [
    'model.backbone.embed_dims=32', 'model.backbone.num_layers=1', 'model.backbone.num_heads=2',
    'model.decode_head.in_channels=32', 'train_dataloader.batch_size=2', 'val_dataloader.batch_size=2',
]  # fmt: skip


def test_a_part_inside_another_counts_for_itself_alone(monkeypatch):
    now = iter([1.0, 3.0, 6.0, 10.0, 15.0])
    monkeypatch.setattr('time.process_time', lambda: next(now))
    timed = clock.Clock()
    with timed.part('outer'), timed.part('inner'):
        timed.begin('step')
    assert timed.seconds == {
        ('once', 'start'): 1, ('once', 'outer'): 2, ('once', 'inner'): 3, ('step', 'inner'): 4, ('step', 'outer'): 5
    }  # fmt: skip


def test_the_first_batches_are_of_no_step(monkeypatch):
    monkeypatch.setattr('time.process_time', lambda: 0.0)
    timed = clock.Clock()
    units = []
    for _ in range(clock.SLOWER + 2):
        timed.end_batch('picture', 4)
        units.append(timed.unit)
    assert timed.done['picture'] == 8
    assert units == ['once'] * (clock.SLOWER - 1) + ['picture'] * 3


def test_a_row_has_each_part_in_a_column():
    parts = {
        'once: start': 1.0, 'step: forward': 2.0, 'picture: prediction': 1.0, 'step: pipeline Resize': 3.0,
        'picture: workers': 1.0, 'epoch: hook AtomicCheckpointHook': 1.0, 'step: hook SeedHook': 1.0,
    }  # fmt: skip
    assert training_time.row('a', parts) == '| a | 10 s | 30.0 | 40.0 | 0.0 | 0.0 | 10.0 | 10.0 | 10.0 |'


@pytest.mark.slow
def test_a_whole_training_follows_from_a_short_one():
    command = [sys.executable, str(ROOT / 'benchmarks/training_time.py'), str(config_path('quickstart')), '--child',
               '--steps', '2', '--pictures', '4', '--cfg-options', *TINY]  # fmt: skip
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    parts = json.loads(done.stdout.splitlines()[-1])
    for name in ('once: start', 'picture: prediction', 'picture: metric', 'validation: hook AtomicCheckpointHook',
                 *(f'step: {part}' for part in ('forward', 'loss', 'backward', 'optimizer', 'normalising', 'loading',
                   'pipeline LoadImageFromFile', 'hook SeedHook'))):  # fmt: skip
        assert parts[name] > 0, name
    assert not [name for name in parts if name.startswith('epoch: forward')]
    assert parts['step: forward'] > parts['picture: prediction']  # 3,584 steps of two pictures, 448 pictures
