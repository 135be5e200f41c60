"""Renaming parameters by a literal map."""

import re
from collections.abc import Mapping
from functools import cache

Target = str | tuple[str, ...]  # several names: the tensor is cut into them


def rename(name: str, table: Mapping[str, Target]) -> Target | None:
    """Look ``name`` up in a map whose patterns may hold numbers, ``{s}`` a stage's and ``{i}`` a block's.

    Returns:
        the target or targets with the numbers filled in; None where no pattern fits.
    """
    for pattern, target in table.items():
        match = _compiled(pattern).fullmatch(name)
        if match:
            numbers = match.groupdict()
            if isinstance(target, tuple):
                return tuple(one.format(**numbers) for one in target)
            return target.format(**numbers)
    return None


@cache
def _compiled(pattern: str) -> re.Pattern:
    return re.compile(re.sub(r'\\\{([a-z])\\\}', r'(?P<\1>\\d+)', re.escape(pattern)))
