"""Losses that are NaN or infinite, on a model of a moment: what is saved, what is said, what is left out."""

import functools
import itertools
import math

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_vitseg.engine.hooks.finite_loss import FiniteLossHook, NonFiniteLossError
from mmseg_vitseg.engine.hooks.finite_loss_message import describe_labels
from vitseg_tests.equality import same
from vitseg_tests.ranks import on_ranks

SKIP = dict(type='mmseg_vitseg.FiniteLossHook', skip=3)
STOP = dict(type='mmseg_vitseg.FiniteLossHook')
NAN, INF = math.nan, math.inf
NAMES = map('run{}'.format, itertools.count())  # the host keeps what bears a name


class Tiny(BaseModel):
    """Batch norm, whose running means a NaN spoils for good, and a linear layer."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.norm, self.linear = nn.BatchNorm1d(3), nn.Linear(3, 2)

    def forward(self, inputs, data_samples=None, mode='tensor'):
        out = self.linear(self.norm(torch.stack(inputs)))
        return dict(loss_ce=out.square().mean(), loss_aux=[0.1 * out.mean(), 0.1 * out.std()], acc=out.sum())


def data(poison=(), value=NAN, without=()):
    """Eight batches of four, ``poison`` of which hold one value that is not finite; ``without`` are not there."""
    torch.manual_seed(1)
    batches = [torch.randn(4, 3) for _ in range(8)]
    for index in poison:
        batches[index][2, 1] = value
    return [
        dict(inputs=one, data_samples=SegDataSample(metainfo=dict(img_path=f'{index}/{row}.png')))
        for index, batch in enumerate(batches)
        if index not in without
        for row, one in enumerate(batch)
    ]


def train(folder, items, *hooks, wrapper=None, optimizer=None, epochs=1, resume=None, ranks=1, save=None):
    runner = Runner(
        Tiny(),
        work_dir=str(folder),
        train_dataloader=dict(
            dataset=items, batch_size=4, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False)
        ),
        train_cfg=dict(by_epoch=False, max_iters=8) if save else dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(
            optimizer=optimizer or dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.01), **(wrapper or {})
        ),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(type='mmseg_vitseg.AtomicCheckpointHook', interval=save or 1, by_epoch=not save),
        ),
        custom_hooks=list(hooks),
        experiment_name=next(NAMES),
        randomness=dict(seed=None),  # the host would write a seed into its own default
        load_from=resume,
        resume=resume is not None,
        default_scope='mmseg',
        launcher='none' if ranks == 1 else 'pytorch',
        cfg=dict(model_wrapper_cfg=dict(type='MMDistributedDataParallel', device_ids=None)),
    )
    try:
        runner.train()
    except NonFiniteLossError as error:
        return runner, str(error)
    return runner, None


def state(runner) -> list:
    return [runner.model.state_dict(), runner.optim_wrapper.optimizer.state_dict()]


@pytest.fixture
def log(monkeypatch):
    """What the host's logger would have said as a warning."""
    said = []
    from mmengine.logging import MMLogger

    monkeypatch.setattr(MMLogger, 'warning', lambda self, text, *_: said.append(text))
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    return said


@pytest.fixture
def scaler_on_the_cpu(monkeypatch):
    """The host's wrapper for float16 asserts a GPU; its loss scaling works on the CPU too."""
    place = 'mmengine.optim.optimizer.amp_optimizer_wrapper'
    monkeypatch.setattr(f'{place}.is_cuda_available', lambda: True)
    monkeypatch.setattr(f'{place}.GradScaler', functools.partial(torch.amp.GradScaler, 'cpu'))
    return dict(type='AmpOptimWrapper', dtype='bfloat16')


@pytest.mark.parametrize('value', [NAN, INF])
def test_stops_at_the_first_and_says_all(tmp_path, log, value):
    _, error = train(tmp_path, data(poison=[5], value=value), STOP, epochs=3)
    assert error.startswith(
        'iteration 6 (epoch 1): loss_ce = nan, loss_aux = nan on 5/0.png, 5/1.png, 5/2.png, 5/3.png;'
    )
    assert 'no checkpoint is known to be good; if the files are at fault' in error
    assert not list(tmp_path.glob('*.pth'))


def test_names_the_last_checkpoint_from_which_a_loss_was_finite(tmp_path, log):
    """Resumed, with a poisoned batch in the middle and at the start of the second epoch."""
    train(tmp_path, data(), STOP)
    first = tmp_path / 'epoch_1.pth'
    advice = {
        3: (f'last good checkpoint: {first};', f'--cfg-options load_from={first} optim_wrapper.optimizer.lr='),
        0: (
            f'no checkpoint is known to be good ({first} holds the weights that gave this loss)',
            '--cfg-options optim_',
        ),
    }
    for place, words in advice.items():
        _, error = train(tmp_path, data(poison=[place]), STOP, epochs=3, resume=str(first))
        assert error.startswith(f'iteration {9 + place} (epoch 2): ')
        for word in (*words, f'--resume {first} with skip=10 in the FiniteLossHook of custom_hooks'):
            assert word in error
        assert [path.name for path in tmp_path.glob('*.pth')] == ['epoch_1.pth']


@pytest.mark.filterwarnings('ignore:Default ``avg_non_ignore``')
@pytest.mark.parametrize('loss', ['CrossEntropyLoss', 'DiceLoss'])
def test_labels_that_are_no_class_are_named(loss):
    """On CUDA they make the loss NaN."""
    settings = dict(
        in_channels=8, channels=8, num_convs=0, concat_input=False, num_classes=3, loss_decode=dict(type=loss)
    )
    model = nn.Sequential(MODELS.build(dict(type='mmseg.FCNHead', **settings)))
    good, bad = (
        SegDataSample(metainfo=dict(seg_map_path=name), gt_sem_seg=PixelData(data=torch.full((1, 4, 5), label)))
        for name, label in (('a.png', 2), ('b.png', 7))
    )
    assert describe_labels(model, dict(data_samples=[good])) == ''
    assert describe_labels(model, dict(data_samples=[good, bad])).startswith(
        'b.png: labels 7 with num_classes=3; allowed: '
    )


def test_a_loop_of_iterations(tmp_path, log):
    for place, words in (
        (5, 'last good checkpoint: {}/iter_4.pth;'),
        (4, 'checkpoint: {0}/iter_2.pth ({0}/iter_4.pth holds'),
    ):
        folder = tmp_path / str(place)
        _, error = train(folder, data(poison=[place]), STOP, save=2)
        assert error.startswith(f'iteration {place + 1}: loss_ce = nan')
        assert words.format(folder) in error
        assert not (folder / 'iter_6.pth').exists()


def test_a_huge_learning_rate(tmp_path, log):
    _, error = train(tmp_path, data(), STOP, optimizer=dict(type='SGD', lr=1e30), epochs=4)
    assert 'loss_ce = inf' in error or 'loss_ce = nan' in error
    assert 'here 1e+30: --cfg-options optim_wrapper.optimizer.lr=...' in error
    assert not list(tmp_path.glob('*.pth'))


@pytest.mark.parametrize(
    'optimizer', [dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.01), dict(type='AdamW', lr=0.01)]
)
@pytest.mark.parametrize(
    'wrapper', [{}, dict(type='mmseg_vitseg.CPUAmpOptimWrapper'), dict(clip_grad=dict(max_norm=0.01)), 'scaled']
)
def test_skipping_is_training_without_the_batch(tmp_path, log, scaler_on_the_cpu, optimizer, wrapper):
    """Weights, running means, the optimizer's moments and counts; of loss scaling, which NaN lowers, all but the scale."""
    wrapper = dict(scaler_on_the_cpu, loss_scale=dict(init_scale=1024.0)) if wrapper == 'scaled' else wrapper
    options = dict(optimizer=optimizer, epochs=2)
    skipped, error = train(tmp_path / 'a', data(poison=[2, 3]), SKIP, wrapper=dict(wrapper), **options)
    without, _ = train(tmp_path / 'b', data(without=[2, 3]), wrapper=dict(wrapper), **options)
    assert error is None
    assert same(state(skipped), state(without))
    said = [text for text in log if 'left out' in text]
    assert [text.partition(':')[0] for text in said] == [
        f'iteration {n} (epoch {e})' for n, e in ((3, 1), (4, 1), (11, 2), (12, 2))
    ]
    assert '2/0.png, 2/1.png' in said[0]
    assert said[-1].endswith('left out: 2 in a row of at most 3, 4 in all')
    assert skipped.message_hub.get_scalar('train/skipped_batches').current() == 4
    assert math.isfinite(skipped.message_hub.get_scalar('train/loss').mean())


def test_of_accumulated_gradients_none_is_applied(tmp_path, log):
    wrapper = dict(accumulative_counts=2)
    skipped, _ = train(tmp_path / 'a', data(poison=[2, 5]), SKIP, wrapper=dict(wrapper))
    reference, _ = train(tmp_path / 'b', data(without=[2, 3, 4, 5]), wrapper=dict(wrapper))
    names = ('linear.weight', 'linear.bias', 'norm.weight', 'norm.bias')
    assert same(*([runner.model.state_dict()[name] for name in names] for runner in (skipped, reference)))
    assert same(*(runner.optim_wrapper.optimizer.state_dict() for runner in (skipped, reference)))
    without, _ = train(tmp_path / 'c', data(without=[2, 5]), wrapper=dict(wrapper))
    assert skipped.model.norm.num_batches_tracked == 6 == without.model.norm.num_batches_tracked
    assert same(skipped.model.norm.running_mean, without.model.norm.running_mean)  # of inputs: no weight is in it


def test_a_training_whose_every_loss_is_nan_ends(tmp_path, log):
    _, error = train(tmp_path, data(poison=range(3, 8)), SKIP, epochs=9)
    assert error.startswith('iteration 7 (epoch 1): ')
    assert '3 batches in a row were left out before it' in error
    assert len([text for text in log if 'left out' in text]) == 3


def test_a_healthy_training_is_the_same_with_and_without(tmp_path, log):
    runs = [
        train(tmp_path / str(index), data(), *hooks, epochs=2)[0] for index, hooks in enumerate(((), (STOP,), (SKIP,)))
    ]
    assert same(state(runs[0]), state(runs[1]))
    assert same(state(runs[0]), state(runs[2]))
    assert 'train/skipped_batches' not in runs[2].message_hub.log_scalars


class SteepAt(FiniteLossHook):
    """Multiplies a gradient of one iteration, and leaves its loss as it is."""

    def __init__(self, at, factor=INF, **kwargs):
        super().__init__(**kwargs)
        self.at, self.factor = at, factor

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        super().before_train_iter(runner, batch_idx, data_batch)
        if runner.iter == self.at:
            handle = runner.model.linear.weight.register_hook(lambda grad: handle.remove() or grad * self.factor)


def test_infinite_gradients_of_a_finite_loss(tmp_path, log):
    clip = dict(clip_grad=dict(max_norm=1.0))
    _, error = train(tmp_path / 'norm', data(), SteepAt(4), wrapper=dict(clip))
    assert error.startswith('iteration 5 (epoch 1): grad_norm = ')
    _, error = train(tmp_path / 'next', data(), SteepAt(4))
    assert error.startswith('iteration 6 (epoch 1): loss_ce = nan')
    skipped, _ = train(tmp_path / 'a', data(), SteepAt(4, skip=1), wrapper=dict(clip))
    without, _ = train(tmp_path / 'b', data(without=[4]), wrapper=dict(clip))
    assert same(state(skipped), state(without))


@pytest.mark.parametrize('clip', [{}, dict(clip_grad=dict(max_norm=1.0))])
def test_loss_scaling_may_overflow(tmp_path, log, scaler_on_the_cpu, clip):
    """Gradients that are infinite by the scale alone: the scaler leaves steps out and lowers the scale."""
    wrapper = dict(scaler_on_the_cpu, loss_scale=dict(init_scale=2.0**127), **clip)
    runner, error = train(tmp_path, data(), SteepAt(4, factor=1e3), wrapper=wrapper)
    assert error is None
    assert runner.optim_wrapper.loss_scaler.get_scale() == 2.0**126
    assert math.isinf(runner.message_hub.get_scalar('train/grad_norm').max(8)) if clip else True


@pytest.mark.parametrize('skip', [-1, 0.5, True, '3'])
def test_wrong_skip(skip):
    with pytest.raises(ValueError, match='allowed: 0'):
        FiniteLossHook(skip=skip)


def stop_on_two_ranks(folder):
    """Batches 0, 2, 4 ... are the first rank's of pictures 0, 2, 4 ..."""
    _, error = train(folder, data(poison=[5]), STOP, ranks=2)
    return error


def test_both_ranks_stop_where_one_must(tmp_path, log):
    first, second = on_ranks(2, functools.partial(stop_on_two_ranks, tmp_path))
    assert first == second
    assert first.startswith(
        'iteration 3 (epoch 1): rank 0: loss_ce = nan, loss_aux = nan on 4/0.png, 4/2.png, 5/0.png, 5/2.png;'
    )
    assert 'rank 1' not in first
    assert not list(tmp_path.glob('*.pth'))


def skip_on_two_ranks(folder):
    runner, error = train(folder / 'a', data(poison=[5]), SKIP, ranks=2, epochs=2)
    without, _ = train(folder / 'b', data(without=[4, 5]), ranks=2, epochs=2)
    assert error is None
    assert same(state(runner), state(without))
    return [
        tuple(runner.model.module.linear.weight.flatten().tolist()),
        runner.message_hub.get_scalar('train/skipped_batches').current(),
    ]


def test_both_ranks_skip_where_one_must(tmp_path, log):
    first, second = on_ranks(2, functools.partial(skip_on_two_ranks, tmp_path))
    assert first == second
    assert first[1] == 2
