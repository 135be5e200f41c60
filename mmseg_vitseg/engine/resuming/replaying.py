"""Where a schedule stands after so many steps: the host's schedulers are recursive, so it is stepped there."""

import copy
from collections.abc import Sequence
from types import SimpleNamespace

from mmengine.optim import OptimWrapper, _ParamScheduler

from mmseg_vitseg.engine.param_groups import first_alike


def replay(
    schedulers: Sequence[_ParamScheduler], wrapper: OptimWrapper, *, epochs: int, iterations: int, epoch_length: int
) -> None:
    """Step new schedulers as the host's ParamSchedulerHook does from the start of a training on, to the same bits.

    Groups with the same settings, of which a model can have a thousand, are stepped once. Schedulers that wait for scores
    are only counted, as the hook does after each epoch.

    Args:
        schedulers: of ``wrapper``, never stepped so far.
        wrapper: its groups' settings are changed.
        epochs, iterations: how many are done.
        epoch_length: iterations in an epoch.
    """
    groups = wrapper.param_groups
    foreign = [one for one in schedulers if not type(one).__module__.startswith('mmengine.')]
    alike = [*range(len(groups))] if foreign else first_alike(groups)
    firsts = sorted(set(alike))
    optimizer = SimpleNamespace(
        param_groups=[groups[index] for index in firsts], defaults=wrapper.defaults, step=wrapper.step, _global_step=0
    )
    stepped = [copy.copy(one) for one in schedulers]
    for one in stepped:
        one.optimizer = optimizer
        if 'base_values' in vars(one):  # those that wait for scores have none
            one.base_values = [one.base_values[index] for index in firsts]
    _step(stepped, epochs, iterations, epoch_length)
    places = [firsts.index(first) for first in alike]
    for group, first in zip(groups, alike, strict=True):
        group.update({name: value for name, value in groups[first].items() if name != 'params'})
    for real, one in zip(schedulers, stepped, strict=True):
        own = {name: vars(real)[name] for name in ('optimizer', 'base_values') if name in vars(real)}
        vars(real).update({**vars(one), **own, '_last_value': [one._last_value[place] for place in places]})


def _step(schedulers: list[_ParamScheduler], epochs: int, iterations: int, epoch_length: int) -> None:
    by_epoch = [one for one in schedulers if one.by_epoch]
    by_iteration = [one for one in schedulers if not one.by_epoch]
    for iteration in range(1, max(iterations, epochs * epoch_length) + 1):
        for one in by_iteration:
            one.step()
        if iteration % epoch_length == 0 and iteration <= epochs * epoch_length:
            for one in by_epoch:
                one.step()
