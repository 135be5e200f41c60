"""JSON with a long list, written an element at a time."""

import json
from collections.abc import Iterable
from pathlib import Path

from mmseg_vitseg.atomic import whole


def write_list(path: Path, head: dict, name: str, elements: Iterable[dict]) -> None:
    """Write an object whose last value is a list, an element a line; the file is whole or not there.

    Args:
        path: the file.
        head: what stands before the list.
        name: the list's.
        elements: are held one at a time.
    """
    with whole(path) as temporary, open(temporary, 'w', encoding='utf-8') as file:
        file.write(f'{json.dumps(head)[:-1]}, "{name}": [')
        between = '\n'
        for element in elements:
            file.write(between + json.dumps(element, separators=(',', ':'), allow_nan=False))
            between = ',\n'
        file.write('\n]}\n')
