"""The language of the literal key maps in maps/, read in both directions: one table serves loading and exporting."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache

import torch
from torch import Tensor

# A line of a table is theirs -> ours. Several names on a side: the tensors of that side, one below the other (dimension 0),
# are the tensor, or the tensors, of the other side. Names hold fields: {i} a block's number, {s} a stage's; {s+1} and {3-s}
# the same number counted otherwise; {h} or {head} a head; {kind} weight or bias, {norm} what
# a batch norm has; {rest} whatever follows.
Names = str | tuple[str, ...]
Table = dict[Names, Names]
# their name -> what their tensor becomes here before it is merged or cut, and the way back
Forms = Mapping[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor] | None]]

FIELD = re.compile(r'\{(?:(?P<base>\d+)-)?(?P<name>[a-z]+)(?:\+(?P<offset>\d+))?\}')
FIELDS = {
    'kind': 'weight|bias',
    'norm': 'weight|bias|running_mean|running_var|num_batches_tracked',
    'head': r'decode_head|auxiliary_head\.\d+',
    'rest': '.+',
}
Line = tuple[tuple[str, ...], tuple[str, ...], tuple]  # left, right, the fields' values


def inverse(table: Table) -> Table:
    """Return the same table from right to left."""
    turned = {right: left for left, right in table.items()}
    assert len(turned) == len(table), 'two of their names stand for one of ours'
    return turned


def apply_table(
    weights: dict[str, Tensor],
    table: Table,
    before: Mapping[str, Callable] = {},
    after: Mapping[str, Callable] = {},
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Rename, merge and cut by a table.

    Args:
        weights: name -> tensor.
        table: its left side has these names.
        before: name of the left side -> what is done to the tensor first.
        after: name of the right side -> what is done to the tensor last.

    Returns:
        what the table says, and the rest: names that it does not have, or that miss a part of their line.

    Raises:
        ValueError: a tensor has a shape that its line cannot have, or two lines give the same name.
    """
    lines, unknown = _lines(weights, table)
    result: dict[str, Tensor] = {}
    rest = {name: weights[name] for name in unknown}
    for (left, right, values), names in lines.items():
        if len(names) < len(left):
            rest.update({name: weights[name] for name in names.values()})
            continue
        try:
            parts = [before.get(pattern, _same)(weights[names[pattern]]) for pattern in left]
            value = parts[0] if len(parts) == 1 else torch.cat(parts)
            cut = zip(right, _cut(value, right), strict=True)
            filled = {_fill(pattern, dict(values)): after.get(pattern, _same)(part) for pattern, part in cut}
        except (RuntimeError, IndexError) as error:
            shapes = ', '.join(f'{name} {tuple(weights[name].shape)}' for name in names.values())
            raise ValueError(f'not shapes of this format: {shapes}') from error
        if twice := filled.keys() & result.keys():
            raise ValueError(f'{", ".join(names.values())}: {min(twice)} stands there twice, under two names')
        result.update(filled)
    return result, rest


def fields_of(pattern: str, name: str) -> dict[str, int | str] | None:
    """Return the values that a name gives a pattern's fields, or None where it is not of this pattern."""
    expression, numbers = _compiled(pattern)
    found = expression.fullmatch(name)
    if not found:
        return None
    counted = {key: sign * (int(found[key]) - base) for key, (base, sign) in numbers.items()}
    return None if any(number < 0 for number in counted.values()) else {**found.groupdict(), **counted}


def patterns_of(names: Names) -> tuple[str, ...]:
    """Return one side of a line as a tuple, of one name or several."""
    return (names,) if isinstance(names, str) else names


def _lines(names: Iterable[str], table: Table) -> tuple[dict[Line, dict[str, str]], list[str]]:
    """Return the lines that names stand in, each with the names by their patterns; and the names that stand in none."""
    lines: dict[Line, dict[str, str]] = {}
    unknown = []
    for name in names:
        places = ((left, right, pattern) for left, right in table.items() for pattern in patterns_of(left))
        for left, right, pattern in places:
            if (values := fields_of(pattern, name)) is not None:
                line = patterns_of(left), patterns_of(right), tuple(values.items())
                lines.setdefault(line, {})[pattern] = name
                break
        else:
            unknown.append(name)
    return lines, unknown


def _same(value: Tensor) -> Tensor:
    return value


def _cut(value: Tensor, names: tuple[str, ...]) -> tuple[Tensor, ...]:
    """Cut along dimension 0 into equal shares, of which keys with values in one tensor (kv) get two."""
    if len(names) == 1:
        return (value,)
    shares = [2 if '.kv.' in name else 1 for name in names]
    unit = len(value) // sum(shares)
    return value.split([unit * share for share in shares[:-1]] + [len(value) - unit * sum(shares[:-1])])


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


def _fill(pattern: str, values: Mapping[str, int | str]) -> str:
    """Put the fields' values into a pattern."""
    _, numbers = _compiled(pattern)
    shown = {**values, **{key: base + sign * int(values[key]) for key, (base, sign) in numbers.items()}}
    return FIELD.sub(lambda found: str(shown[found['name']]), pattern)
