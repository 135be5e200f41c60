"""Pictures and steps are counted as the host's data loader has them."""

import pytest
from mmengine.config import Config
from mmengine.dataset import DefaultSampler
from mmengine.runner import Runner

from mmseg_vitseg.checking.counting import count_steps

SHAPES = dict(type='mmseg_vitseg.ShapesDataset', length=10, pipeline=[])


def loading(**other) -> Config:
    loader = dict(batch_size=4, dataset=SHAPES, sampler=dict(type='DefaultSampler', shuffle=False), num_workers=0)
    return Config(dict(train_dataloader={**loader, **other}))


@pytest.mark.parametrize(
    ('other', 'pictures'),
    [
        ({}, 10),
        ({'drop_last': True}, 10),
        ({'dataset': dict(type='RepeatDataset', times=3, dataset=SHAPES)}, 30),
        ({'dataset': dict(type='ConcatDataset', datasets=[SHAPES, SHAPES])}, 20),
        ({'dataset': dict(SHAPES, indices=5)}, 5),
        ({'sampler': dict(type='InfiniteSampler', shuffle=False)}, 10),
    ],
)
def test_one_process(other, pictures):
    cfg = loading(**other)
    steps = count_steps(cfg)
    assert (steps.pictures, steps.epoch) == (pictures, len(Runner.build_dataloader(cfg.train_dataloader.to_dict())))


@pytest.mark.parametrize('round_up', [True, False])
@pytest.mark.parametrize('processes', [2, 3, 4])
def test_several_processes(monkeypatch, processes, round_up):
    cfg = loading(sampler=dict(type='DefaultSampler', round_up=round_up))
    cfg.launcher = 'pytorch'
    monkeypatch.setenv('WORLD_SIZE', str(processes))
    shares = []
    for rank in range(processes):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda rank=rank: (rank, processes))
        shares.append(len(DefaultSampler(range(10), shuffle=False, seed=0, round_up=round_up)))
    steps = count_steps(cfg)
    assert steps.share == min(shares)
    assert str(steps) == f'10 pictures shared by {processes} processes, {min(shares)} each'


@pytest.mark.parametrize(
    'other', [{'batch_sampler': dict()}, {'dataset': dict(SHAPES, length='x')}, {'sampler': dict(type='Own')}]
)
def test_what_is_not_known_is_none(other):
    assert count_steps(loading(**other)) is None
