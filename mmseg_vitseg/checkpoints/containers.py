"""Where in a file the weights are: one of its dicts, behind names that wrappers put before those of the model.

One rule for all: a dict is taken where the names in it are a format's that is known, behind whatever prefix. Of several,
:func:`~mmseg_vitseg.checkpoints.prefixes.choose` says which. What is taken is said, with how to name the other.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import print_log
from torch import Tensor

from mmseg_vitseg.checkpoints.prefixes import choose, known_prefixes
from mmseg_vitseg.checkpoints.values import refuse_quantised
from mmseg_vitseg.errors import listed

# Taken before others of equal rank: the host's and mmpretrain's, DeiT's and MAE's, DINO's.
CONTAINERS = ('state_dict', 'model', 'teacher')
HOSTS_EMA = 'ema_state_dict'  # of mmengine's EMAHook, which on saving puts the average into state_dict
DEEPEST = 4  # levels of dicts that are looked through
# put into names by torch.compile, by activation checkpointing and by FSDP; and by data parallelism, before them all
INSIDE = re.compile(r'(?:^|(?<=\.))(?:_orig_mod|_checkpoint_wrapped_module|_fsdp_wrapped_module)\.')
PARALLEL = 'module.'


def weights_of(content: dict, path: str | Path, container: str | None = None) -> dict[str, Tensor]:
    """Choose the dict of weights in a checkpoint, and say which, where that needs saying.

    Args:
        content: of a file.
        path: named in what is said.
        container: the keys that lead to it, with dots between them, where another one is wanted than the rule would take.

    Raises:
        ValueError: no weights, several that the rule cannot choose among, or quantised ones.
    """
    found = dict(_dicts(content))
    if container is not None:
        chosen = container.strip('.')
        if chosen not in found:
            raise ValueError(f'{path}: container={container!r}: no dict of tensors; allowed: {listed(found)}')
    else:
        chosen = _chosen(found, content, path)
    weights = _tensors(found[chosen])
    try:
        refuse_quantised(found[chosen])
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
    odd = [f'{name} ({type(value).__name__})' for name, value in found[chosen].items() if name not in weights]
    if odd:
        print_log(f'{path}: left out what is no tensor: {listed(odd)}', logger='current')
    return weights


def _chosen(found: Mapping[str, dict], content: dict, path: str | Path) -> str:
    """Choose by the rule, and say it where there was a choice, or the place is not a usual one."""
    if not found:
        inside = next((content[name] for name in CONTAINERS if isinstance(content.get(name), dict)), content)
        raise ValueError(f'{path}: no weights found; its entries are {listed(map(str, inside)) or "none"}')
    averaged = 'state_dict' in found and 'steps' in found.get(HOSTS_EMA, ())
    options = [label for label in found if not (averaged and label == HOSTS_EMA)]
    known = [label for label in options if known_prefixes(found[label])]
    if known:
        options = known
    else:  # of a model that is not ours: the usual place, or the largest dict; and averages of the same weights
        usual = next((label for label in CONTAINERS if label in options), None)
        base = usual or max(options, key=lambda label: len(found[label]))
        options = [label for label in options if _plain(found[label]) == _plain(found[base])]
    chosen = choose(options, CONTAINERS)
    if chosen is None:
        raise ValueError(f'{path}: weights are in {" and in ".join(options)}; say which with container=')
    others = [label for label in options if label != chosen]
    if averaged and chosen == 'state_dict':
        print_log(
            f"{path}: state_dict is taken, which has the averages of mmengine's EMAHook; {HOSTS_EMA} has the weights that "
            f'are not averaged (container={HOSTS_EMA!r})',
            logger='current',
        )
    elif others:
        print_log(
            f'{path}: {listed([chosen])} is taken, not {listed(others)}; to take another, container={others[0]!r} (in '
            f'init_cfg, or convert_checkpoint.py --container {others[0]})',
            logger='current',
        )
    elif chosen not in ('', *CONTAINERS):
        print_log(f'{path}: its weights are in {chosen}', logger='current')
    return chosen


def without_wrappers(weights: dict[str, Tensor], path: str | Path) -> dict[str, Tensor]:
    """Take out of names what torch.compile, FSDP and data parallelism put into them, and say so.

    Raises:
        ValueError: two names become one.
    """
    names = {name: INSIDE.sub('', name) for name in weights}
    while all(name.startswith(PARALLEL) for name in names.values()):
        names = {name: INSIDE.sub('', new.removeprefix(PARALLEL)) for name, new in names.items()}
    plain = {new: weights[name] for name, new in names.items()}
    if len(plain) < len(names):
        twice = next(new for new in plain if list(names.values()).count(new) > 1)
        raise ValueError(f'{path}: {twice} is there twice, as it is and behind the name of a wrapper')
    changed = [f'{name} as {new}' for name, new in names.items() if name != new]
    if changed:
        print_log(f'{path}: names are read without their wrappers, {changed[0]}', logger='current')
    return plain


def _dicts(content: dict, label: str = '', level: int = 0) -> Iterator[tuple[str, dict]]:
    """Give each dict with tensors, by the keys that lead to it."""
    if level > DEEPEST or not all(isinstance(name, str) for name in content):
        return
    if _tensors(content):
        yield label, content
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _dicts(value, f'{label}.{name}' if label else name, level + 1)


def _tensors(content: dict) -> dict[str, Tensor]:
    """Return what is a tensor, or an array of numbers."""
    arrays = {
        name: torch.from_numpy(np.ascontiguousarray(value))
        for name, value in content.items()
        if isinstance(value, np.ndarray) and value.dtype.kind in 'fiu'
    }
    return {name: value for name, value in content.items() if isinstance(value, Tensor)} | arrays


def _plain(names: Iterable[str]) -> set[str]:
    return {INSIDE.sub('', name).removeprefix(PARALLEL) for name in names} - {'steps', 'n_averaged'}
