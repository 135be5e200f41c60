"""What stands before a model's names in a file: ``model.`` of Lightning, ``teacher.`` of DINOv2, whatever else.

A beginning is found by what comes after it: names of a format that is known, or the model's own.
"""

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from mmengine.logging import print_log
from torch import Tensor

from mmseg_vitseg.checkpoints.sources import SOURCES

AVERAGED, IN_TRAINING = {'ema', 'swa', 'averaged', 'target'}, {'student', 'momentum', 'online'}
SHOWN = 5


def unwrapped(
    weights: dict[str, Tensor], wanted: Collection[str], path: str | Path, prefix: str | None = None
) -> dict[str, Tensor]:
    """Take off what stands before a model's names, leave out what is not behind it, and say so.

    Args:
        weights: of a file.
        wanted: the names that the model has; none where there is no model.
        path: named in what is said.
        prefix: what is to be taken off, where another is wanted than the rule (:func:`choose`) would take.

    Raises:
        ValueError: nothing is behind ``prefix``; or several beginnings among which the rule cannot choose.
    """
    if prefix is not None:
        begin = prefix.rstrip('.') + '.'
        behind = {name.removeprefix(begin): value for name, value in weights.items() if name.startswith(begin)}
        if not behind:
            begins = dict.fromkeys(name.split('.')[0] + '.' for name in weights)
            raise ValueError(f'{path}: prefix={prefix!r}: no name begins so; they begin with {listed(begins)}')
        weights = behind
    options = [begin for begin in beginnings(weights) if not (begin and any(own.startswith(begin) for own in wanted))]
    options = options or _beginnings_of(weights, wanted)  # without a part of the model: its `backbone.` is no wrapper
    if options in ([], ['']):
        return weights
    chosen = choose(options, ('',))
    if chosen is None:
        raise ValueError(f'{path}: models are behind {" and ".join(options)}; say which with prefix=')
    others = [option for option in options if option != chosen]
    inner = {
        name.removeprefix(chosen): value
        for name, value in weights.items()
        if name.startswith(chosen) and not (chosen == '' and name.startswith(tuple(others)))
    }
    _say(path, chosen, others, [name for name in weights if not name.startswith((chosen or ' ', *others))])
    return inner


def _say(path: str | Path, chosen: str, others: list[str], outside: list[str]) -> None:
    """Say what was taken off, and what was left out."""
    taken = f'names are read behind {chosen!r}' if chosen else 'names are read as they are'
    if others:
        taken += f', not behind {listed(others)}; to take another, prefix={others[0]!r} (in init_cfg, or '
        taken += f'convert_checkpoint.py --prefix {others[0]})'
    if outside and chosen:
        taken += f'; left out: {listed(outside)}'
    print_log(f'{path}: {taken}', logger='current')


def choose(options: Collection[str], usual: Collection[str] = ()) -> str | None:
    """Choose a dict, or a beginning of names, by what it is called.

    Averaged weights go before plain ones, and plain ones before those of a student, for that is what timm, BasicSR, I-JEPA
    and DINO evaluate; among equals, the usual ones.

    Returns:
        None where that leaves several.
    """
    best = min(map(_rank, options))
    left = [option for option in options if _rank(option) == best]
    return left[0] if len(left) == 1 else next((option for option in usual if option in left), None)


def beginnings(names: Iterable[str]) -> list[str]:
    """List the beginnings behind which names are a known format's; '' where they are so as they stand."""
    names = list(names)
    found: dict[str, None] = {}
    places = {  # what stands before an encoder's names, and before what a format may put before these
        (name.removesuffix(source.marks[0]), prefix)
        for source in SOURCES
        for prefix in source.prefixes
        for name in names
        if name.endswith(prefix + source.marks[0])
    }
    for whole in sorted({whole for whole, _ in places}):
        for begin in sorted((whole.removesuffix(prefix) for one, prefix in places if one == whole), key=len):
            behind = [name.removeprefix(begin) for name in names if name.startswith(begin)]
            if (begin == '' or begin.endswith(('.', '/'))) and is_format(behind):
                found[begin] = None
                break
    return list(found)


def is_format(names: Iterable[str]) -> bool:
    """Tell whether names, as they stand, are of a format that is known."""
    names = list(names)
    return any(source.prefix(names) is not None for source in SOURCES)


def _beginnings_of(names: Collection[str], wanted: Collection[str]) -> list[str]:
    """List the beginnings behind which at least half of a model's own names are; none where some stand as they are."""
    if any(one in wanted for one in names):
        return []
    for one in wanted:
        begins = [name.removesuffix(one) for name in names if name.endswith(f'.{one}')]
        behind = [begin for begin in begins if 2 * sum(begin + own in names for own in wanted) >= len(wanted)]
        if behind:
            return behind
    return []


def listed(labels: Iterable[str]) -> str:
    """Write the first few of several names."""
    labels = list(labels)
    more = f' and {len(labels) - SHOWN} more' if len(labels) > SHOWN else ''
    return ', '.join(label or "''" for label in labels[:SHOWN]) + more


def _rank(label: str) -> int:
    words = {word.lower() for word in re.findall('[A-Z]*[a-z]+|[A-Z]+', label)}  # modelEMA, model_ema
    return 0 if words & AVERAGED else 2 if words & IN_TRAINING else 1
