"""Two stages of warming up: each group's rate at each step, against torch's schedules put together; resuming."""

import copy

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS
from torch.optim.lr_scheduler import LinearLR, PolynomialLR, SequentialLR

STEPS, HEAD, BACKBONE = 23, 4, 6


def optimizer(*, wrapped: bool = True):
    groups = [
        dict(params=[torch.nn.Parameter(torch.ones(()))], lr=0.05, part='backbone'),
        dict(params=[torch.nn.Parameter(torch.ones(()))], lr=0.1, part='head'),
    ]
    found = torch.optim.SGD(groups, lr=0.1)
    return OptimWrapper(found) if wrapped else found


def schedule(of, **changes):
    settings = dict(
        type='mmseg_vitseg.TwoStageWarmUpPolyLR', head_steps=HEAD, backbone_steps=BACKBONE, end=STEPS, by_epoch=False
    )
    return PARAM_SCHEDULERS.build({**settings, **changes}, default_args=dict(optimizer=of))


def rates(of, scheduler, steps: int = STEPS) -> list[list[float]]:
    found = []
    for _ in range(steps):
        found.append([group['lr'] for group in of.param_groups])
        of.step()
        scheduler.step()
    return found


def torchs(lr: float, wait: int, warm: int) -> list[float]:
    """A rate of 0 for a while, then torch's LinearLR, then its PolynomialLR."""
    of = torch.optim.SGD([torch.nn.Parameter(torch.ones(()))], lr=lr)
    # torch's LinearLR does not start at 0 exactly: from a step of it on
    parts = [LinearLR(of, 1 / warm, 1, warm - 1), PolynomialLR(of, STEPS - wait - warm, 0.9)]
    scheduler = SequentialLR(of, parts, [warm - 1])
    found = [0.0] * (wait + 1)
    while len(found) < STEPS:
        found.append(of.param_groups[0]['lr'])
        of.step()
        scheduler.step()
    return found


def test_each_step_of_each_group():
    of = optimizer()
    backbone, head, logged = zip(*rates(of, schedule(of)), strict=True)
    torch.testing.assert_close(backbone, tuple(torchs(0.05, HEAD, BACKBONE)))
    torch.testing.assert_close(head, tuple(torchs(0.1, 0, HEAD)))
    assert logged == head  # the host's own group, which its log shows
    assert (head[0], head[HEAD], backbone[HEAD], backbone[HEAD + BACKBONE]) == (0, 0.1, 0, 0.05)
    assert head[HEAD + 1] == 0.1 * (1 - 1 / (STEPS - HEAD)) ** 0.9


def test_a_plain_optimizer_and_a_later_beginning():
    of = optimizer(wrapped=False)
    found = rates(of, schedule(of, begin=2, end=STEPS + 2), STEPS + 2)
    other = optimizer(wrapped=False)
    assert found[2:] == rates(other, schedule(other))


@pytest.mark.parametrize('at', [1, HEAD, HEAD + 3, HEAD + BACKBONE, STEPS - 1])
def test_resumed(at):
    whole = optimizer()
    expected = rates(whole, schedule(whole))
    first = optimizer()
    scheduler = schedule(first)
    rates(first, scheduler, at)
    states = copy.deepcopy((first.state_dict(), scheduler.state_dict()))
    for group in states[0]['param_groups']:
        del group['part']  # a checkpoint of before groups said what they are
    second = optimizer()
    resumed = schedule(second)
    second.load_state_dict(states[0])
    resumed.load_state_dict(states[1])
    assert rates(second, resumed, STEPS - at) == expected[at:]


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        (dict(by_epoch=True), 'it counts iterations; write by_epoch=False'),
        (dict(end=10), 'head_steps=4 and backbone_steps=6 of 10 iterations; allowed: together fewer'),
    ],
)
def test_mistakes_are_explained(changes, words):
    with pytest.raises(ValueError, match=words):
        schedule(optimizer(), **changes)


def test_groups_must_say_what_they_are():
    plain = torch.optim.SGD([torch.nn.Parameter(torch.ones(()))], lr=0.1)
    with pytest.raises(ValueError, match=r"write\s+optim_wrapper=dict\(constructor='mmseg_vitseg.ViTLayerDecay"):
        schedule(plain)
