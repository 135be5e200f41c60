"""Resuming with other settings: from the resumed step on, all is as in a training with them from the start."""

import copy
import itertools
import logging
import shutil

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from mmengine.registry import DATASETS, METRICS, OPTIM_WRAPPER_CONSTRUCTORS
from mmengine.runner import Runner
from torch import nn

from mmseg_vitseg.checkpoints.reading import read_checkpoint
from mmseg_vitseg.engine.resuming.hook import ResumingHook
from mmseg_vitseg.engine.resuming.newest import RUNS
from vitseg_tests.equality import same

WARM = dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=3)
COSINE = dict(type='CosineAnnealingLR', by_epoch=True, begin=0, end=3, eta_min=1e-4, convert_to_iter_based=True)
STEP = dict(type='MultiStepLR', milestones=[1, 4], gamma=0.5, by_epoch=True)
POLY = dict(type='PolyLR', power=0.9, by_epoch=False, eta_min=1e-5)  # its end is the training's
ADAM, SGD = dict(type='AdamW', lr=0.01, weight_decay=0.1), dict(type='SGD', lr=0.01, momentum=0.9)
RESTARTS = dict(type='CosineRestartLR', periods=[5, 7], restart_weights=[1, 0.5], eta_min=0, by_epoch=False)
PLATEAU = dict(type='ReduceOnPlateauLR', monitor='score', rule='greater', patience=0, factor=0.5)


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 1))

    def forward(self, inputs, mode='tensor'):
        out = self.layers(torch.stack(inputs) if isinstance(inputs, list) else inputs)
        return dict(loss=out.square().mean()) if mode == 'loss' else [out]


@DATASETS.register_module(name='ResumingData')
class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 16

    def __getitem__(self, index):
        return dict(inputs=torch.full((3,), index / 16))


class Recorder(Hook):
    """What the optimizer is told in each iteration."""

    def __init__(self):
        self.groups: dict[int, list[dict]] = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        groups = runner.optim_wrapper.param_groups
        self.groups[runner.iter] = [{k: v for k, v in one.items() if k != 'params'} for one in groups]


@METRICS.register_module(name='ResumingScore')
class Score(BaseMetric):
    """A score that never rises."""

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return dict(score=1.0)


def settings(optimizer=ADAM, schedulers=(WARM, COSINE), *, batch=4, iterations=None, validate=False, **other) -> dict:
    train = dict(by_epoch=False, max_iters=iterations) if iterations else dict(by_epoch=True, max_epochs=3)
    validation = dict(
        val_dataloader=dict(batch_size=4, dataset=dict(type='ResumingData'), sampler=SAMPLER), val_cfg=dict()
    )
    return dict(
        train_dataloader=dict(
            batch_size=batch,
            num_workers=0,
            dataset=dict(type='ResumingData'),
            sampler=dict(type='InfiniteSampler', shuffle=False) if iterations else SAMPLER,
        ),
        optim_wrapper={'type': 'OptimWrapper', 'optimizer': dict(optimizer), **other.pop('wrapper', {})},
        param_scheduler=[dict(one) for one in schedulers] if schedulers is not None else None,
        default_hooks=dict(
            checkpoint=dict(type='mmseg_vitseg.AtomicCheckpointHook', interval=1, by_epoch=not iterations)
        ),
        randomness=dict(seed=0),
        **(dict(validation, val_evaluator=dict(type='ResumingScore')) if validate else {}),
        **{'train_cfg': train, **other},
    )


SAMPLER = dict(type='DefaultSampler', shuffle=False)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    monkeypatch.setattr('mmengine.runner.runner.get_git_hash', str)  # a process a checkpoint
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **style: (text, True))  # most of the time
    monkeypatch.setattr('os.fsync', lambda file: None)


def train(folder, given: dict, resume=None) -> tuple[Runner, Recorder]:
    """Train, or go on with; the log is in the runner's work dir."""
    given = copy.deepcopy(given)
    cfg = Config(dict(given, default_scope='mmseg', work_dir=str(folder), log_level='INFO'))
    runner = Runner(model=Model(), cfg=cfg, experiment_name=str(folder), resume=bool(resume), load_from=resume,
                    work_dir=str(folder), default_scope='mmseg', **given)  # fmt: skip
    recorder = Recorder()
    runner.register_hook(recorder)
    runner.register_hook(ResumingHook())
    runner.train()
    return runner, recorder


BY_PARAMETER = dict(paramwise_cfg=dict(norm_decay_mult=0.0, bias_lr_mult=2.0))
MERGED = dict(BY_PARAMETER, constructor='mmseg_vitseg.DefaultOptimWrapperConstructor')
LONGER = dict(train_cfg=dict(by_epoch=True, max_epochs=5))
CHANGES = {
    'longer': (settings(), settings(schedulers=[WARM, {**COSINE, 'end': 5}], **LONGER)),
    'rate': (settings(), settings({**ADAM, 'lr': 0.5})),
    'decay and betas': (settings(), settings({**ADAM, 'weight_decay': 0.7, 'betas': (0.8, 0.9)})),
    'another schedule': (settings(), settings(schedulers=[STEP])),
    'none any more': (settings(), settings(schedulers=None)),
    'none before': (settings(schedulers=None), settings(schedulers=[WARM, STEP])),
    'one more': (settings(schedulers=[STEP]), settings(schedulers=[STEP, POLY], **LONGER)),
    'end by default': (settings(schedulers=[POLY]), settings(schedulers=[POLY], **LONGER)),
    'iterations': (settings(schedulers=[WARM, POLY], iterations=9), settings(schedulers=[WARM, POLY], iterations=12)),
    'momentum': (
        settings(SGD, [dict(type='LinearMomentum', start_factor=0.5, by_epoch=False, end=6)]),
        settings(SGD, [dict(type='LinearMomentum', start_factor=0.2, by_epoch=False, end=11)]),
    ),
    'betas by schedule': (
        settings(schedulers=[WARM]),
        settings(schedulers=[dict(type='LinearMomentum', start_factor=0.2, by_epoch=False, end=11), WARM]),
    ),
    'one cycle': (
        settings(schedulers=[dict(type='OneCycleLR', eta_max=0.2, total_steps=12, by_epoch=False)]),
        settings(schedulers=[dict(type='OneCycleLR', eta_max=0.4, total_steps=20, by_epoch=False)], **LONGER),
    ),
    'restarts': (
        settings(schedulers=[WARM]),
        settings(schedulers=[{**RESTARTS}]),
    ),
    'accumulated': (
        settings(wrapper=dict(accumulative_counts=2)),
        settings({**ADAM, 'lr': 0.3}, wrapper=dict(accumulative_counts=2)),
    ),
    'half in bfloat16': (
        settings(wrapper=dict(type='mmseg_vitseg.CPUAmpOptimWrapper')),
        settings({**ADAM, 'lr': 0.3}, wrapper=dict(type='mmseg_vitseg.CPUAmpOptimWrapper')),
    ),
    'groups': (
        settings(wrapper=dict(paramwise_cfg=dict(norm_decay_mult=0.0))),
        settings({**ADAM, 'lr': 0.3}, wrapper=dict(paramwise_cfg=dict(norm_decay_mult=0.5))),
    ),
    'groups anew': (settings(), settings(wrapper=dict(paramwise_cfg=dict(norm_decay_mult=0.0)))),
    'no groups any more': (settings(wrapper=dict(paramwise_cfg=dict(norm_decay_mult=0.0))), settings(**LONGER)),
    'groups merged': (settings(wrapper=BY_PARAMETER), settings(wrapper=MERGED)),
    'groups of each parameter again': (settings(wrapper=MERGED), settings(wrapper=BY_PARAMETER)),
    'scaled by the batch': (
        settings(auto_scale_lr=dict(enable=True, base_batch_size=4)),
        settings(auto_scale_lr=dict(enable=True, base_batch_size=16)),
    ),
}  # fmt: skip


@pytest.mark.filterwarnings('ignore:Detected call of `scheduler.step')  # the host's, where gradients are accumulated
@pytest.mark.parametrize('name', CHANGES)
def test_new_settings_are_those_of_a_training_with_them_from_the_start(tmp_path, name):
    old, new = CHANGES[name]
    file = 'iter_4.pth' if 'max_iters' in new['train_cfg'] else 'epoch_1.pth'
    train(tmp_path / 'earlier', old)
    _, wanted = train(tmp_path / 'wanted', new)
    read_checkpoint(tmp_path / 'earlier' / file)  # nothing in it that could run code
    runner, found = train(tmp_path / 'resumed', new, resume=str(tmp_path / 'earlier' / file))
    assert min(found.groups) == 4
    assert same(found.groups, {number: one for number, one in wanted.groups.items() if number >= 4})
    said = log_of(runner)
    assert 'Resumed with other settings: ' in said
    assert 'without moments' not in said


def log_of(runner: Runner) -> str:
    (file,) = [one.baseFilename for one in runner.logger.handlers if isinstance(one, logging.FileHandler)]
    with open(file) as log:
        return log.read()


@pytest.mark.parametrize('schedulers', [[WARM, COSINE], [POLY, PLATEAU], None])
def test_the_same_settings_change_nothing(tmp_path, monkeypatch, schedulers):
    """Whatever the text looks like, and whatever else of the config is another."""
    old = settings(schedulers=schedulers, validate=True, train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=3))
    new = settings(schedulers=schedulers, validate=True, train_cfg=dict(by_epoch=True, max_epochs=3, val_interval=1),
                   wrapper=dict(clip_grad=dict(max_norm=9e9)))  # fmt: skip
    new['optim_wrapper']['optimizer']['type'] = 'torch.optim.AdamW'
    _, wanted = train(tmp_path / 'whole', old)
    monkeypatch.setattr('mmseg_vitseg.engine.resuming.hook.replay', None)
    runner, found = train(tmp_path / 'resumed', new, resume=str(tmp_path / 'whole/epoch_2.pth'))
    assert same(found.groups, {number: one for number, one in wanted.groups.items() if number >= 8})
    assert 'other settings' not in log_of(runner)


def test_an_epoch_of_another_length_is_still_an_epoch(tmp_path):
    """Twice the batch, so half the iterations: a training of the new kind would be at the same epoch, not iteration."""
    new = settings(batch=8)
    train(tmp_path / 'earlier', settings())
    _, wanted = train(tmp_path / 'wanted', new)
    runner, found = train(tmp_path / 'resumed', new, resume=str(tmp_path / 'earlier/epoch_1.pth'))
    assert same([found.groups[number] for number in (4, 5, 6, 7)], [wanted.groups[number] for number in (2, 3, 4, 5)])
    assert 'an epoch has 2 iterations, and had 4' in log_of(runner)


@pytest.mark.parametrize(
    ('old', 'new', 'kept'),
    [
        (ADAM, dict(type='Adam', lr=0.3), {'step', 'exp_avg', 'exp_avg_sq'}),
        (dict(ADAM, amsgrad=True), ADAM, {'step', 'exp_avg', 'exp_avg_sq'}),
        (ADAM, dict(ADAM, amsgrad=True), None),
        (ADAM, SGD, None),
        (SGD, ADAM, None),
        (dict(SGD, momentum=0), SGD, set()),  # had nothing to lose
    ],
)
def test_moments_are_kept_where_the_new_optimizer_has_the_same(tmp_path, monkeypatch, old, new, kept):
    train(tmp_path / 'earlier', settings(old))
    file = tmp_path / 'earlier/epoch_1.pth'
    loaded = []
    monkeypatch.setattr(Recorder, 'before_train', lambda self, runner: loaded.append(states(runner)), raising=False)
    runner, _ = train(tmp_path / 'resumed', settings(new), resume=str(file))
    saved = torch.load(file, weights_only=False)['optimizer']['state']
    assert [set(one) for one in loaded[0].values()] == ([kept] * len(saved) if kept else [])
    assert all(torch.equal(one['exp_avg'], saved[number]['exp_avg']) for number, one in loaded[0].items())
    assert ('starts without moments' in log_of(runner)) == (kept is None)


def states(runner: Runner) -> dict:
    return copy.deepcopy(runner.optim_wrapper.optimizer.state_dict()['state'])


def test_moments_follow_their_parameters_into_other_groups(tmp_path, monkeypatch):
    train(tmp_path / 'earlier', settings(wrapper=dict(constructor='ResumingReversed')))
    loaded = []
    monkeypatch.setattr(Recorder, 'before_train', lambda self, runner: loaded.append(states(runner)), raising=False)
    train(tmp_path / 'resumed', settings(), resume=str(tmp_path / 'earlier/epoch_1.pth'))
    saved = torch.load(tmp_path / 'earlier/epoch_1.pth', weights_only=False)['optimizer']['state']
    assert [one['exp_avg'].shape for one in loaded[0].values()] == [one.shape for one in Model().parameters()]
    assert all(torch.equal(one['exp_avg'], saved[5 - number]['exp_avg']) for number, one in loaded[0].items())


@pytest.mark.parametrize('before, now', [(BY_PARAMETER, MERGED), (MERGED, BY_PARAMETER), (MERGED, MERGED)])
def test_a_training_goes_on_with_merged_groups_as_with_the_hosts(tmp_path, before, now):
    """To the same bits."""
    torch.manual_seed(0)
    whole, _ = train(tmp_path / 'whole', settings(wrapper=BY_PARAMETER))
    torch.manual_seed(0)
    train(tmp_path / 'earlier', settings(wrapper=before))
    resumed, _ = train(tmp_path / 'resumed', settings(wrapper=now), resume=str(tmp_path / 'earlier/epoch_1.pth'))
    weights = (dict(runner.model.state_dict()) for runner in (whole, resumed))
    assert same(*weights)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module(name='ResumingReversed')
class Reversed(DefaultOptimWrapperConstructor):
    """Parameters in another order, one a group."""

    def __call__(self, model):
        groups = [dict(params=[one]) for one in reversed(list(model.parameters()))]
        return OptimWrapper(torch.optim.AdamW(groups, lr=0.01))


def test_scores_and_the_reductions_that_they_made_stay(tmp_path):
    old = settings(schedulers=[PLATEAU], validate=True)
    new = settings(dict(ADAM, lr=0.4), [PLATEAU], validate=True)
    train(tmp_path / 'earlier', old)
    _, wanted = train(tmp_path / 'wanted', new)
    runner, found = train(tmp_path / 'resumed', new, resume=str(tmp_path / 'earlier/epoch_2.pth'))
    rates = [
        [groups[number][0]['lr'] for number in sorted(groups) if number >= 8]
        for groups in (found.groups, wanted.groups)
    ]
    assert rates[0] == pytest.approx(rates[1]) and rates[0][0] == pytest.approx(0.2)
    assert 'goes on from the scores so far, and its reductions stay' in log_of(runner)


@pytest.mark.parametrize(
    'text', ['', 'import os', 'optim_wrapper = os.system("x")', 'optim_wrapper = dict(lr=<class>)']
)
def test_what_cannot_be_read_is_said(tmp_path, text):
    train(tmp_path / 'earlier', settings())
    file = tmp_path / 'earlier/epoch_1.pth'
    content = torch.load(file, weights_only=False)
    content['meta']['cfg'] = text
    torch.save(content, file)
    runner, found = train(tmp_path / 'resumed', settings(dict(ADAM, lr=0.4)), resume=str(file))
    assert found.groups[4][0]['initial_lr'] == 0.01
    assert 'both go on as the checkpoint has them' in log_of(runner)


@pytest.mark.parametrize('keys', ['score', ['score', 'other']])
@pytest.mark.parametrize('into', ['copy', 'elsewhere'])
def test_a_copied_folder_uses_its_own_files(tmp_path, into, keys, monkeypatch):
    """The paths in a checkpoint are those of the folder that it was written in."""
    monkeypatch.setattr(Score, 'compute_metrics', lambda self, results: dict(score=rising(), other=rising()))
    given = settings(schedulers=[STEP], validate=True)
    given['default_hooks']['checkpoint'].update(save_best=keys, rule='greater', max_keep_ckpts=1)
    train(tmp_path / 'whole', given)
    files = {path.name: path.read_bytes() for path in (tmp_path / 'whole').glob('*.pth')}
    if into == 'copy':
        shutil.copytree(tmp_path / 'whole', tmp_path / 'copy', ignore=shutil.ignore_patterns('2*'))  # logs
    given = {**given, **LONGER}
    file = tmp_path / ('copy' if into == 'copy' else 'whole') / 'epoch_3.pth'
    runner, _ = train(tmp_path / into, given, resume=str(file))
    assert {path.name: path.read_bytes() for path in (tmp_path / 'whole').glob('*.pth')} == files
    best = ['best_score_epoch_5.pth'] if keys == 'score' else ['best_other_epoch_5.pth', 'best_score_epoch_5.pth']
    assert sorted(path.name for path in (tmp_path / into).glob('*.pth')) == [*best, 'epoch_5.pth']
    assert str(tmp_path / 'whole/best') not in log_of(runner)
    assert (
        len(torch.load(tmp_path / into / 'epoch_5.pth', weights_only=False)['message_hub']['runtime_info'][RUNS]) == 2
    )


def rising(number=itertools.count()) -> float:
    return float(next(number))
