"""A saved optimizer with the settings of another: whose groups are otherwise, or whose moments are."""

import copy
import itertools
from collections import defaultdict
from typing import NamedTuple

import torch
from mmengine.optim import OptimWrapper, _ParamScheduler
from torch import nn
from torch.optim import Optimizer


class Training(NamedTuple):
    """An optimizer and its schedulers, and the settings of its groups before a step."""

    wrapper: OptimWrapper
    schedulers: list[_ParamScheduler]
    groups: list[dict]

    @classmethod
    def at_start(cls, wrapper: OptimWrapper, schedulers: list[_ParamScheduler]) -> 'Training':
        """Keep what the groups are now."""
        groups = [{name: value for name, value in one.items() if name != 'params'} for one in wrapper.param_groups]
        return cls(wrapper, schedulers, groups)

    def is_like(self, other: 'Training') -> bool:
        """Tell whether two are of the same settings."""
        return (
            type(self.wrapper.optimizer) is type(other.wrapper.optimizer)
            and self.groups == other.groups
            and self.parameters() == other.parameters()
            and [(type(one), one.state_dict()) for one in self.schedulers]
            == [(type(one), one.state_dict()) for one in other.schedulers]
        )

    def parameters(self) -> list[list[int]]:
        """Return which parameters are in which group."""
        return [[id(parameter) for parameter in group['params']] for group in self.wrapper.optimizer.param_groups]

    def scheduled(self) -> set[str]:
        """Return the names of the settings that schedules change."""
        betas = {'betas'} if any(getattr(one, 'use_betas', False) for one in self.schedulers) else set()
        return {one.param_name for one in self.schedulers} | betas


def take_groups(saved: dict, now: Training, earlier: Training) -> str:
    """Give a saved optimizer the present groups; return what is lost of its state."""
    alike, scheduled = now.parameters() == earlier.parameters(), now.scheduled() | earlier.scheduled()
    merged = []
    for index, (group, fresh) in enumerate(zip(now.wrapper.param_groups, now.groups, strict=True)):
        new = {name: value for name, value in group.items() if name != 'params'}
        if alike:  # what an optimizer changes by itself stays
            old, was = groups_of(saved)[index], earlier.groups[index]
            kept = [name for name in new if name in old and was.get(name) == fresh.get(name) and name not in scheduled]
            new.update({name: old[name] for name in kept}, params=old['params'])
        merged.append(new)
    if 'base_param_settings' in saved or now.wrapper.base_param_settings is not None:
        saved.pop('base_param_settings', None)
        if now.wrapper.base_param_settings is not None:
            saved['base_param_settings'] = {**now.wrapper.base_param_settings, **merged.pop()}
    if not alike:
        _regroup(saved, merged, now, earlier)
    saved['param_groups'] = merged
    return _keep_state(saved, now.wrapper.optimizer, earlier.wrapper.optimizer)


def _regroup(saved: dict, merged: list[dict], now: Training, earlier: Training) -> None:
    """Number parameters, and what is kept for each, in the order of the present groups."""
    if any(isinstance(name, str) for name in saved['state']):
        raise ValueError(
            'optim_wrapper groups parameters otherwise than the checkpoint (paramwise_cfg, constructor), which a training '
            'with FSDP cannot be resumed with; to start from its weights, --cfg-options load_from=FILE without --resume'
        )
    old = {one: index for index, one in enumerate(itertools.chain(*earlier.parameters()))}
    state, number = {}, 0
    for group, parameters in zip(merged, now.parameters(), strict=True):
        group['params'] = list(range(number, number + len(parameters)))
        for place, one in enumerate(parameters, number):
            if old.get(one) in saved['state']:
                state[place] = saved['state'][old[one]]
        number += len(parameters)
    saved['state'] = state


def _keep_state(saved: dict, now: Optimizer, earlier: Optimizer) -> str:
    """Take of a saved state what the present optimizer understands; return what is said of it."""
    wanted, had = _kept_names(now), _kept_names(earlier)
    if wanted == had and (wanted is not None or type(now) is type(earlier)):
        return ''
    usable = wanted is not None and had is not None and wanted <= had
    lost = bool(had) and bool(wanted) and not usable
    saved['state'] = (
        {key: {name: value for name, value in one.items() if name in wanted} for key, one in saved['state'].items()}
        if usable and wanted
        else {}
    )
    return (
        f'{type(now).__name__} starts without moments: those of {type(earlier).__name__} do not fit it. '
        if lost
        else ''
    )


def _kept_names(optimizer: Optimizer) -> set[str] | None:
    """Return the names of what an optimizer keeps for a parameter; None where it takes more than a parameter to know."""
    parameter = nn.Parameter(torch.zeros(1, 1, device=optimizer.param_groups[0]['params'][0].device))
    parameter.grad = torch.zeros_like(parameter)
    try:
        alone = copy.copy(optimizer)
        alone.__setstate__({'defaults': optimizer.defaults, 'state': defaultdict(dict), 'param_groups': []})
        alone.add_param_group({**optimizer.param_groups[0], 'params': [parameter]})
        alone.step()
        return set(alone.state[parameter])
    except Exception:  # one of another project may be anything
        return None


def groups_of(saved: dict) -> list[dict]:
    """Return the groups of a saved optimizer, the one that the host's wrapper adds to several last."""
    base = saved.get('base_param_settings')
    return [*saved['param_groups'], *([base] if base is not None else [])]
