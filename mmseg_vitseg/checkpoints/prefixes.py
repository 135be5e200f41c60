"""What stands before a model's names in a file: ``model.`` of Lightning, ``teacher.`` of DINOv2, whatever else.

A prefix is found by what comes after it: names of a format that is known, or the model's own.
"""

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from mmengine.logging import print_log
from torch import Tensor

from mmseg_vitseg.checkpoints.sources import SOURCES
from mmseg_vitseg.errors import listed

AVERAGED, IN_TRAINING = {'ema', 'swa', 'averaged', 'target'}, {'student', 'momentum', 'online'}


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
        ValueError: nothing is behind ``prefix``; or several prefixes among which the rule cannot choose.
    """
    if prefix is not None:
        weights = _behind(prefix.rstrip('.') + '.', weights, f'{path}: prefix={prefix!r}')
    options = [one for one in known_prefixes(weights) if not (one and any(own.startswith(one) for own in wanted))]
    options = options or _prefixes_of(weights, wanted)  # without a part of the model: its `backbone.` is no wrapper
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


def _behind(prefix: str, weights: dict[str, Tensor], what: str) -> dict[str, Tensor]:
    """Return what is behind a prefix that the user names."""
    behind = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    if not behind:
        there = dict.fromkeys(name.split('.')[0] + '.' for name in weights)
        raise ValueError(f'{what}: no name begins so; they begin with {listed(there)}')
    return behind


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
    """Choose a dict, or a prefix of names, by what it is called.

    Averaged weights go before plain ones, and plain ones before those of a student, for that is what timm, BasicSR, I-JEPA
    and DINO evaluate; among equals, the usual ones.

    Returns:
        None where that leaves several.
    """
    best = min(map(_rank, options))
    left = [option for option in options if _rank(option) == best]
    return left[0] if len(left) == 1 else next((option for option in usual if option in left), None)


def known_prefixes(names: Iterable[str]) -> list[str]:
    """List the prefixes behind which names are a known format's; '' where they are so as they stand."""
    names = list(names)
    found: dict[str, None] = {}
    places = {  # what stands before an encoder's names, and the part of it that a format may put there
        (name.removesuffix(source.marks[0]), prefix)
        for source in SOURCES
        for prefix in source.prefixes
        for name in names
        if name.endswith(prefix + source.marks[0])
    }
    for whole in sorted({whole for whole, _ in places}):
        for one in sorted((whole.removesuffix(prefix) for place, prefix in places if place == whole), key=len):
            behind = [name.removeprefix(one) for name in names if name.startswith(one)]
            if (one == '' or one.endswith(('.', '/'))) and _is_format(behind):
                found[one] = None
                break
    return list(found)


def _is_format(names: Iterable[str]) -> bool:
    """Tell whether names, as they stand, are of a format that is known."""
    names = list(names)
    return any(source.prefix(names) is not None for source in SOURCES)


def _prefixes_of(names: Collection[str], wanted: Collection[str]) -> list[str]:
    """List the prefixes behind which at least half of a model's own names are; none where some stand as they are."""
    if any(one in wanted for one in names):
        return []
    for one in wanted:
        prefixes = [name.removesuffix(one) for name in names if name.endswith(f'.{one}')]
        full = [prefix for prefix in prefixes if 2 * sum(prefix + own in names for own in wanted) >= len(wanted)]
        if full:
            return full
    return []


def _rank(label: str) -> int:
    words = {word.lower() for word in re.findall('[A-Z]*[a-z]+|[A-Z]+', label)}  # modelEMA, model_ema
    return 0 if words & AVERAGED else 2 if words & IN_TRAINING else 1
