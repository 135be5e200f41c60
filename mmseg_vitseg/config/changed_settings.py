"""Settings that are kept in a file, and compared with those of another day."""

import json
from typing import Any

import numpy as np


def plain(settings: Any) -> Any:
    """Return settings as JSON has them: tuples are lists, numpy's numbers are Python's, what else there is is text."""

    def other(value: Any) -> Any:
        return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else str(value)

    return json.loads(json.dumps(settings, default=other))


def first_change(now: Any, then: Any, key: str) -> str | None:
    """Name the first setting in which two differ, both :func:`plain`; None where they are the same."""
    if now == then:
        return None
    if isinstance(now, dict) and isinstance(then, dict):
        pairs: list[tuple] = [(name, now.get(name), then.get(name)) for name in {**then, **now}]
    elif isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        pairs = [(index, *pair) for index, pair in enumerate(zip(now, then, strict=True))]
    else:
        return f'{key} is {_shown(now)}, and was {_shown(then)}'
    return next(found for name, one, other in pairs if (found := first_change(one, other, f'{key}.{name}')))


def _shown(value: Any) -> str:
    types = [one.get('type') for one in value if isinstance(one, dict)] if isinstance(value, list) else []
    return ', '.join(map(str, types)) or repr(value)
