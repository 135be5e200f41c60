"""The learning rate's schedule against the length of the training."""

from collections.abc import Iterator

from mmengine.config import Config

from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.parts import Part, dicts, type_name
from mmseg_vitseg.checking.setup import Setup

# Schedules that go to their last value on the way from `begin` to `end`; others hold it, or have no end.
FALLING = ('PolyLR', 'CosineAnnealingLR')


def check_schedule(setup: Setup) -> Iterator[Finding]:
    """The learning rate falls until the end of the training, counted in what the training's loop counts."""
    train = setup.cfg.get('train_cfg') or {}
    by_epoch = type_name(train) == 'EpochBasedTrainLoop' or bool(train.get('by_epoch'))
    name = 'max_epochs' if by_epoch else 'max_iters'
    length = train.get(name)
    if not isinstance(length, int):
        return
    schedulers = list(_schedulers(setup.cfg))
    if not by_epoch:
        yield from _counting_epochs(schedulers)
    falling = [
        one for one in schedulers if type_name(one.node) in FALLING and one.node.get('by_epoch', True) == by_epoch
    ]
    if not falling:
        return
    last = max(falling, key=lambda one: _end(one.node, length))
    end, what = _end(last.node, length), 'epochs' if by_epoch else 'iterations'
    if end == length:
        return
    after = [one for one in schedulers if one.node.get('begin', 0) >= end]  # something else goes on from there
    if end < length and after:
        return
    ended = 'T_max' if last.node.get('T_max') is not None else 'end'
    right = length - (last.node.get('begin', 0) if ended == 'T_max' else 0)
    yield warning(
        f'{last.key}.{ended}',
        f'{last.node[ended]}, and train_cfg.{name} is {length}',
        why=f'the learning rate stays at its last value, {last.node.get("eta_min", 0)}, for the last {length - end} {what}'
        if end < length
        else f'training stops {end - length} {what} before the learning rate has fallen to its last value',
        fix=f'{last.key}.{ended}={right}, or train_cfg.{name}={end}',
    )


def _counting_epochs(schedulers: list[Part]) -> Iterator[Finding]:
    for key, node in schedulers:
        if node.get('by_epoch', True) and not node.get('convert_to_iter_based'):
            yield error(
                f'{key}.by_epoch',
                f'{node.get("by_epoch", "True by default")} ({type_name(node)}), and the training counts iterations',
                why='an iteration-based training is one epoch, so that the learning rate never changes',
                fix=f'{key}.by_epoch=False',
            )


def _schedulers(cfg: Config) -> Iterator[Part]:
    """Yield the schedulers, which may be one, a list, or of several optimizers by name."""
    node = cfg.get('param_scheduler')
    if isinstance(node, dict) and 'type' not in node:
        for name, one in node.items():
            yield from dicts(one, f'param_scheduler.{name}')
    else:
        yield from dicts(node, 'param_scheduler')


def _end(node: dict, length: int) -> int:
    """Return when a schedule reaches its last value; the Runner's default is the training's length."""
    if node.get('T_max') is not None:
        return node.get('begin', 0) + node['T_max']
    return length if node.get('end') is None else node['end']
