"""How far it is, between the lines of the log."""

import io
import sys
from types import SimpleNamespace

import pytest
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

from mmseg_vitseg.engine.running import progress_line
from mmseg_vitseg.engine.running.progress_line import ProgressLineHook
from mmseg_vitseg.terminal import NEW_LINE


class Stream(io.StringIO):
    """A terminal, or a pipe."""

    def __init__(self, is_terminal: bool):
        super().__init__()
        self.isatty = lambda: is_terminal


def runner(loop: type) -> SimpleNamespace:
    """Return what the hook asks of a Runner: 5 batches an epoch, 90 iterations, 7 batches of validation."""
    return SimpleNamespace(
        train_loop=loop.__new__(loop),
        train_dataloader=[0] * 5,
        max_iters=90,
        val_dataloader=[0] * 7,
        test_dataloader=[0],
    )


@pytest.mark.parametrize(
    ('is_terminal', 'loop', 'mode', 'said'),
    [
        (True, EpochBasedTrainLoop, 'train', 'training 3 of 5'),
        (True, IterBasedTrainLoop, 'train', 'training 3 of 90'),
        (True, EpochBasedTrainLoop, 'val', 'validation 3 of 7'),
        (True, EpochBasedTrainLoop, 'test', 'test 3 of 1'),
        (False, EpochBasedTrainLoop, 'train', None),
    ],
)
def test_a_line_that_the_next_one_replaces(monkeypatch, is_terminal, loop, mode, said):
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setattr(sys, 'stdout', Stream(is_terminal))
    monkeypatch.setattr(progress_line, 'EVERY', -1)
    hook = ProgressLineHook()
    getattr(hook, f'after_{mode}_iter')(runner(loop), 2)
    getattr(hook, f'after_{mode}_epoch')(runner(loop))
    assert sys.stdout.getvalue() == (f'{NEW_LINE}{said}{NEW_LINE}' if said else '')


def test_once_a_second(monkeypatch):
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setattr(sys, 'stdout', Stream(True))
    hook = ProgressLineHook()
    for batch in range(3):
        hook.after_val_iter(runner(EpochBasedTrainLoop), batch)
    assert sys.stdout.getvalue() == ''
