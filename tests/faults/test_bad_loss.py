"""Trainings whose loss is not finite, by the tool: one line, status 2, no checkpoint."""

import pytest


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ('optim_wrapper.optimizer.lr=1e38 train_cfg.max_epochs=3', ('iteration 2 (epoch 2)', 'here 1e+38')),
        ('model.data_preprocessor.std=[0,0,0]', ('iteration 1 (epoch 1)', 'here 0.01:')),
    ],
)
def test_a_loss_that_is_nan_is_a_line(folder, call, options, words):
    end = call(f'train small.py --no-check --work-dir out --cfg-options {options}')
    assert (end.status, len(end.err.splitlines())) == (2, 1), end.err
    assert 'Traceback' not in end.out + end.err
    for word in (
        'decode.loss_ce = nan',
        'pet/images/a.jpg, pet/images/b.jpg',
        'known to be good',
        '--cfg-options default_hooks.finite_loss.skip=10',
        *words,
    ):
        assert word in end.err


def test_the_rate_of_the_schedule_and_of_the_setting(folder, call):
    scheduler = "[dict(type='ConstantLR', factor=0.5, by_epoch=False, begin=0, end=100)]"
    (folder / 'half.py').write_text(f"_base_ = './small.py'\nparam_scheduler = {scheduler}\n")
    end = call('train half.py --no-check --cfg-options model.data_preprocessor.std=[0,0,0]')
    assert 'lower the learning rate, here 0.005 of 0.01: --cfg-options optim_wrapper.optimizer.lr=' in end.err
