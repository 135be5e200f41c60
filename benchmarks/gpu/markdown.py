"""Rows as Markdown: a table a phase, a column a key."""

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any


def read_rows(file: Path) -> list[dict[str, Any]]:
    """Read rows; a line that was cut off is none."""
    rows = []
    for line in file.read_text().splitlines() if file.exists() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def to_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Write rows as a table for each phase."""
    return '\n\n'.join(_table(phase, list(group)) for phase, group in groupby(rows, lambda row: row['phase']))


def _table(phase: str, rows: Sequence[dict[str, Any]]) -> str:
    keys = list(dict.fromkeys(key for row in rows for key in row if key != 'phase'))
    if 'error' in keys:  # the longest comes last
        keys.append(keys.pop(keys.index('error')))
    lines = [keys, ['---'] * len(keys), *([_text(row.get(key)) for key in keys] for row in rows)]
    return f'### {phase}\n\n' + '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def _text(value: Any) -> str:
    if value is None:
        return ''
    text = f'{value:.4g}' if isinstance(value, float) else str(value)
    return ' '.join(text.replace('|', '/').split())
