"""A file of the data set that is taken away in the middle of a training, and put back."""

from pathlib import Path

import pytest
import torch

from mmseg_vitseg.checkpoints.reading import read_checkpoint
from mmseg_vitseg.engine import AtomicCheckpointHook
from vitseg_tests.marks import LONG

# three epochs of two steps, with dropout and flips
TRAINING = """
_base_ = './small.py'
model = dict(backbone=dict(drop_rate=0.1))
load, resize = _base_.load, _base_.resize
train_dataloader = dict(
    batch_size=1,
    sampler=dict(shuffle=True),
    dataset=dict(pipeline=[*load, resize, dict(type='RandomFlip', prob=0.5), dict(type='PackSegInputs')]),
)
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-2))
train_cfg = dict(max_epochs=3)
default_hooks = dict(seed=dict(type='mmseg_vitseg.SeedHook'), sampler_seed=dict(type='DistSamplerSeedHook'))
"""
TRAIN = 'train training.py --work-dir out'
WORKERS = ' --cfg-options train_dataloader.num_workers=2'


@pytest.mark.parametrize(
    ('file', 'workers'),
    [('images/b.jpg', ''), ('annotations/trimaps/b.png', ''), pytest.param('images/b.jpg', WORKERS, marks=LONG)],
)
def test_a_file_vanishes_and_comes_back(folder, call, monkeypatch, file, workers):
    Path('training.py').write_text(TRAINING)
    taken, away = folder / 'pet' / file, folder / 'away'
    after_epoch = AtomicCheckpointHook.after_train_epoch

    def take_away(self, runner) -> None:
        after_epoch(self, runner)
        taken.rename(away)

    with monkeypatch.context() as patch:
        patch.setattr(AtomicCheckpointHook, 'after_train_epoch', take_away)
        result = call(TRAIN + workers)
    assert (result.status, len(result.err.splitlines())) == (2, 1), result.err
    kind = 'image' if 'images' in file else 'mask'
    assert f'pet/{file}: no such {kind}, which its data set names' in result.err
    assert '[where:' not in result.err
    assert [path.name for path in sorted(Path('out').glob('*.pth'))] == ['epoch_1.pth']
    assert read_checkpoint('out/epoch_1.pth')['meta']['epoch'] == 1

    result = call(f'{TRAIN} --resume{workers}')
    assert result.status == 2
    assert f'pet/{file}: missing, but ' in result.err  # told at once, before the training
    away.rename(taken)
    result = call(f'{TRAIN} --resume{workers}')
    assert (result.status, result.err) == (0, '')
    if not workers:  # whose flips are drawn by generators of their own
        assert call('train training.py --work-dir undisturbed').status == 0
        resumed, undisturbed = (read_checkpoint(f'{name}/epoch_3.pth') for name in ('out', 'undisturbed'))
        for read in (lambda state: state['state_dict'], lambda state: state['optimizer']['state']):
            torch.testing.assert_close(read(resumed), read(undisturbed), rtol=0, atol=0)
