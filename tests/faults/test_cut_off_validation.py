"""A training that is interrupted after a checkpoint and before the end of its validation."""

from pathlib import Path

import pytest
from mmengine.runner import ValLoop

from mmseg_vitseg.checkpoints.reading import read_checkpoint
from vitseg_tests.marks import LONG

EPOCHS = """
_base_ = './small.py'
train_dataloader = dict(batch_size=1, sampler=dict(shuffle=True))
val_dataloader = _base_.test_dataloader
val_evaluator = _base_.test_evaluator
val_cfg = dict(type='ValLoop')
optim_wrapper = dict(optimizer=dict(lr=1.0))
train_cfg = dict(max_epochs=3)
default_hooks = dict(
    checkpoint=dict(max_keep_ckpts=1, save_best='mIoU'), seed=dict(type='mmseg_vitseg.SeedHook')
)
"""
ITERATIONS = """
train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=6, val_interval=2)
train_dataloader['sampler'].update(type='InfiniteSampler')
default_hooks['checkpoint'].update(by_epoch=False, interval=2)
"""


@pytest.mark.parametrize('loop', ['epochs', pytest.param('iterations', marks=LONG)])
def test_it_is_made_up_for(folder, call, monkeypatch, loop):
    """Before every validation there is an interruption; the best checkpoint is the same in the end, and nothing is left."""
    Path('training.py').write_text(EPOCHS + (ITERATIONS if loop == 'iterations' else ''))
    assert call('train training.py --work-dir undisturbed').status == 0
    validate, calls = ValLoop.run, []

    def interrupted(self):
        calls.append(self.runner.iter)
        if calls.count(self.runner.iter) == 1:
            raise KeyboardInterrupt
        return validate(self)

    monkeypatch.setattr(ValLoop, 'run', interrupted)
    statuses = [call('train training.py --work-dir out --resume').status for _ in range(4)]
    assert statuses == [130, 130, 130, 0]
    assert calls == [2, 2, 4, 4, 6, 6]
    names = [sorted(path.name for path in Path(name).glob('*.pth')) for name in ('out', 'undisturbed')]
    assert names[0] == names[1]
    assert len(names[0]) == 2
    last = [read_checkpoint(Path(name, names[0][1])) for name in ('out', 'undisturbed')]
    for key in ('best_score', 'last_validated_iter', 'superseded_checkpoints'):
        first, second = (state['message_hub']['runtime_info'].get(key) for state in last)
        assert first == second, key


def test_what_was_validated_is_not_validated_again(folder, call, monkeypatch):
    Path('training.py').write_text(EPOCHS)
    assert call('train training.py --work-dir out --cfg-options train_cfg.max_epochs=1').status == 0
    monkeypatch.setattr(ValLoop, 'run', lambda self: pytest.fail('validated'))
    result = call('train training.py --work-dir out --resume --cfg-options train_cfg.max_epochs=1')
    assert result.status == 0
