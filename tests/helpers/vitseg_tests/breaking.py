"""Ways to break a file of the working folder, and how a command must end on it.

A way takes the file's path; ``nothing`` is for what is wrong in the command line itself.
"""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

PREDICT = 'predict small.py small.pth photo.png --out out'
COMPARE = 'compare --a small.py small.pth --b small.py small.pth --out sheet.png'
TRAIN, TEST = 'train small.py', 'test small.py small.pth'
WORKS = ''  # the words of an error that is none
LEFT_OUT = 'left out: '  # the words where predict goes on without the file

Way = Callable[[Path], object]


def nothing(path: Path) -> None:
    """Break nothing: the command line is the mistake."""


def a_folder(path: Path) -> None:
    """Put a folder there."""
    path.unlink(missing_ok=True)
    path.mkdir()


def text(content: str | bytes) -> Way:
    return lambda path: path.write_bytes(content if isinstance(content, bytes) else content.encode())


def cut(length: int) -> Way:
    return lambda path: path.write_bytes(path.read_bytes()[:length])


def picture(mode: str, size: tuple[int, int], value=1, **options) -> Way:
    return lambda path: Image.new(mode, size, value).save(path, **options)


def all_masks(value: int) -> Way:
    """Fill all masks of a folder with a value."""
    return lambda path: [Image.fromarray(np.full((30, 40), value, np.uint8)).save(file) for file in path.iterdir()]


def replaced(old: str, new: str) -> Way:
    """Replace a piece of a config."""

    def replace(path: Path) -> None:
        content = path.read_text()
        assert old in content
        path.write_text(content.replace(old, new))

    return replace


def saved(content) -> Way:
    return lambda path: torch.save(content, path)


def weights(name: str, change: Callable[[torch.Tensor], torch.Tensor | None], new_name: str = '') -> Way:
    """Change a weight of a checkpoint, or take it away where ``change`` returns None."""

    def apply(path: Path) -> None:
        content = torch.load(path)
        value = change(content['state_dict'].pop(name))
        if value is not None:
            content['state_dict'][new_name or name] = value
        torch.save(content, path)

    return apply


def check_end(call, line: str, words: str) -> None:
    """Run a command line in the working folder: one line that says what, where and how to mend it, or it works."""
    before = set(Path().rglob('*'))
    result = call(line)
    written = {str(path) for path in set(Path().rglob('*')) - before}
    lines = result.err.splitlines()
    assert 'Traceback' not in result.out + result.err
    if words == WORKS:
        assert (result.status, lines) == (0, [])
        return
    left_out = words.startswith(LEFT_OUT)
    assert (result.status, len(lines)) == (1 if left_out else 2, 1), result.err
    assert re.match(words if left_out else f'error: .*{words}', lines[0]), lines[0]
    if left_out:
        assert written == {'out', 'out/areas.csv', 'out/areas.json'}
        return
    assert '[where:' not in lines[0], 'no check of ours foresaw it'
    # of train.py and test.py the host's log; of nobody a result
    assert all(name.startswith('work_dirs') and not name.endswith('.pth') for name in written), written
