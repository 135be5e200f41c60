"""Literal key maps, read in both directions: one table a source serves loading and exporting."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

import torch
from torch import Tensor

# A line of a table is theirs -> ours. Several names on a side: the tensors of that side, one below the other (dimension 0),
# are the tensor, or the tensors, of the other side. Names hold fields: {i} a block's number, {s} a stage's; {s+1} and {3-s}
# the same number counted otherwise; {h} or {head} a head; {rest} whatever follows.
Names = str | tuple[str, ...]
Table = dict[Names, Names]
# their name -> what their tensor becomes here before it is merged or cut, and the way back
Forms = Mapping[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor] | None]]

FIELD = re.compile(r'\{(?:(?P<base>\d+)-)?(?P<name>[a-z]+)(?:\+(?P<offset>\d+))?\}')
FIELDS = {'rest': '.+', 'head': r'decode_head|auxiliary_head\.\d+'}

# Heads and necks of ours have the host's names.
HEADS: Table = {name: name for name in ('decode_head.{rest}', 'auxiliary_head.{rest}', 'neck.{rest}')}


def nothing(native: dict[str, Tensor]) -> None:
    """Leave what was renamed as it is."""


@dataclass(frozen=True)
class Source:
    """A format that checkpoints come in.

    Args:
        name: as ``source=`` and ``--source`` say it; several formats may share one.
        what: for messages.
        encoder: the encoder's names, without prefix.
        marks: the encoder's names by which it is recognised, all of them.
        prefixes: what may stand before the encoder's names.
        head: what else a whole model has.
        needs: beginnings of names of which one must be there, where the encoder alone is another format's.
        absent: beginnings of names, with the prefix or without, that speak against this format.
        drop: what a file of this format has that no segmentation model uses.
        unused: parts of the encoder that a file may have without having been trained with them.
        no_bias: ends of the names of kernels, ours, whose bias may be left out, which amounts to zero.
        forms: tensors that have another shape or order.
        finish: arithmetic after renaming, in place.
    """

    name: str
    what: str
    encoder: Table
    marks: tuple[str, ...]
    prefixes: tuple[str, ...] = ('',)
    head: Table = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    no_bias: tuple[str, ...] = ()
    forms: Forms = field(default_factory=dict)
    finish: Callable[[dict[str, Tensor]], None] = nothing

    @property
    def keeps_names(self) -> bool:
        """Tell whether its encoder has our names."""
        return all(left == right for left, right in self.encoder.items())

    def prefix(self, names: Iterable[str]) -> str | None:
        """Return what stands before the encoder's names; None where this is not the format."""
        names = set(names)
        found = [prefix for prefix in self.prefixes if all(prefix + mark in names for mark in self.marks)]
        if not found or (self.needs and not any(name.startswith(self.needs) for name in names)):
            return None
        against = any(one.startswith(self.absent) for name in names for one in (name, name.removeprefix(found[0])))
        return None if against else found[0]

    def table(self, theirs: str, ours: str) -> Table:
        """Return the whole map, the encoder's names behind the prefixes ``theirs`` and ``ours``."""
        return {_behind(theirs, left): _behind(ours, right) for left, right in self.encoder.items()} | self.head

    def dropped(self, name: str, prefix: str) -> bool:
        """Tell whether a name is on the drop list, as it is or behind the encoder's prefix."""
        return any(
            _match(pattern, one) is not None for pattern in self.drop for one in {name, name.removeprefix(prefix)}
        )

    def shapes(self, prefix: str) -> Forms:
        """Return ``forms``, the encoder's behind its prefix."""
        return {name if name in self.head else prefix + name: form for name, form in self.forms.items()}


def inverse(table: Table) -> Table:
    """Return the same table from right to left."""
    turned = {right: left for left, right in table.items()}
    assert len(turned) == len(table), 'two of their names stand for one of ours'
    return turned


def translate(
    state_dict: dict[str, Tensor],
    table: Table,
    before: Mapping[str, Callable] = {},
    after: Mapping[str, Callable] = {},
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Rename, merge and cut by a table.

    Args:
        state_dict: name -> tensor.
        table: its left side has these names.
        before: name of the left side -> what is done to the tensor first.
        after: name of the right side -> what is done to the tensor last.

    Returns:
        what the table says, and the rest: names that it does not have, or that miss a part of their line.

    Raises:
        ValueError: a tensor has a shape that its line cannot have, or two lines give the same name.
    """
    lines: dict[tuple, dict[str, str]] = {}  # (left, right, the fields' values) -> pattern -> name
    rest = {}
    for name in state_dict:
        for left, right in table.items():
            patterns = (left,) if isinstance(left, str) else left
            found = next(((one, values) for one in patterns if (values := _match(one, name)) is not None), None)
            if found:
                pattern, values = found
                lines.setdefault((patterns, right, tuple(values.items())), {})[pattern] = name
                break
        else:
            rest[name] = state_dict[name]
    result: dict[str, Tensor] = {}
    for (patterns, right, values), names in lines.items():
        if len(names) < len(patterns):
            rest.update({name: state_dict[name] for name in names.values()})
            continue
        try:
            parts = [before.get(pattern, _same)(state_dict[names[pattern]]) for pattern in patterns]
            value = parts[0] if len(parts) == 1 else torch.cat(parts)
            targets = (right,) if isinstance(right, str) else right
            filled = {
                _fill(target, dict(values)): after.get(target, _same)(part)
                for target, part in zip(targets, _cut(value, targets), strict=True)
            }
        except (RuntimeError, IndexError) as error:
            shapes = ', '.join(f'{name} {tuple(state_dict[name].shape)}' for name in names.values())
            raise ValueError(f'not shapes of this format: {shapes}') from error
        if twice := filled.keys() & result.keys():
            raise ValueError(f'{", ".join(names.values())}: {min(twice)} stands there twice, under two names')
        result.update(filled)
    return result, rest


def _cut(value: Tensor, names: tuple[str, ...]) -> tuple[Tensor, ...]:
    """Cut along dimension 0 into equal shares, of which keys with values in one tensor (kv) get two."""
    if len(names) == 1:
        return (value,)
    shares = [2 if '.kv.' in name else 1 for name in names]
    unit = len(value) // sum(shares)
    return value.split([unit * share for share in shares[:-1]] + [len(value) - unit * sum(shares[:-1])])


def _behind(prefix: str, names: Names) -> Names:
    return prefix + names if isinstance(names, str) else tuple(prefix + name for name in names)


def _same(value: Tensor) -> Tensor:
    return value


@cache
def _compiled(pattern: str) -> tuple[re.Pattern, dict[str, tuple[int, int]]]:
    """Return a regular expression, and for each number how the field follows from it: (base, sign)."""
    expression, numbers, end = '', {}, 0
    for found in FIELD.finditer(pattern):
        name, base, offset = found['name'], found['base'], found['offset']
        expression += re.escape(pattern[end : found.start()]) + f'(?P<{name}>{FIELDS.get(name, "[0-9]+")})'
        if name not in FIELDS:
            numbers[name] = (int(base), -1) if base else (int(offset or 0), 1)
        end = found.end()
    return re.compile(expression + re.escape(pattern[end:])), numbers


def _match(pattern: str, name: str) -> dict[str, int | str] | None:
    """Return the fields' values, or None where the name is not of this pattern."""
    expression, numbers = _compiled(pattern)
    found = expression.fullmatch(name)
    if not found:
        return None
    counted = {key: sign * (int(found[key]) - base) for key, (base, sign) in numbers.items()}
    return None if any(number < 0 for number in counted.values()) else {**found.groupdict(), **counted}


def _fill(pattern: str, values: Mapping[str, int | str]) -> str:
    """Put the fields' values into a pattern."""
    _, numbers = _compiled(pattern)
    shown = {**values, **{key: base + sign * int(values[key]) for key, (base, sign) in numbers.items()}}
    return FIELD.sub(lambda found: str(shown[found['name']]), pattern)
