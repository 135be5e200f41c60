"""Checkpoints of several files: an index says which weight is in which part."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from mmseg_vitseg.errors import listed

INDEX = '.index.json'
# what repositories and folders call their weights, the better one first
SINGLE = ('model.safetensors', 'pytorch_model.bin')
WEIGHT_FILES = (*SINGLE, *(f'{name}{INDEX}' for name in SINGLE))
SUFFIXES = ('.safetensors', '.pth', '.pt', '.bin', '.npz', '.ckpt')
PART = re.compile(r'(.+)-(\d+)-of-(\d+)(\.[a-z]+)')


def weights_in(folder: Path) -> Path:
    """Return the file, or the index of several, that holds a folder's weights.

    Raises:
        FileNotFoundError: there is none, or more than one; lists them.
    """
    for name in WEIGHT_FILES:
        if (folder / name).is_file():
            return folder / name
    files = sorted(file for file in folder.iterdir() if file.name.endswith((INDEX, *SUFFIXES)) and file.is_file())
    indices = [file for file in files if file.name.endswith(INDEX)]
    if len(indices) == 1 or len(files) == 1:
        return (indices or files)[0]
    if list(folder.glob('*.distcp')):
        raise FileNotFoundError(
            f'{folder}: a folder of torch.distributed.checkpoint; make a file of it: '
            f'python -m torch.distributed.checkpoint.format_utils dcp_to_torch {folder} FILE.pth'
        )
    if part := next((found for file in files if (found := PART.fullmatch(file.name))), None):
        raise FileNotFoundError(
            f'{folder}: has parts of a checkpoint, but not their index, {part[1]}{part[4]}{INDEX}; fetch it too'
        )
    names = f': {listed(file.name for file in files)}' if files else ''
    raise FileNotFoundError(f'{folder}: a folder; name a checkpoint file in it{names}')


def refuse_part(path: Path) -> None:
    """Refuse a part of a checkpoint.

    Raises:
        ValueError: the file's name says that it is one.
    """
    found = PART.fullmatch(path.name)
    if found and int(found[3]) > 1:
        stem, number, count, suffix = found.groups()
        raise ValueError(
            f'{path}: part {int(number)} of {int(count)} of a checkpoint; name their folder, or the index '
            f'{path.with_name(stem + suffix + INDEX)}'
        )


def listed_parts(index: Path) -> dict[str, list[str]]:
    """Return the names of an index's files, all in its folder, with the names of the weights in each.

    Raises:
        ValueError: no index, or one that names files outside its folder.
    """
    try:
        places = json.loads(index.read_text('utf-8'))['weight_map']
        parts: dict[str, list[str]] = {}
        for name, file in places.items():
            parts.setdefault(file, []).append(name)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{index}: not an index of weights (weight_map: name -> file)') from error
    for file in parts:
        if not isinstance(file, str) or file in ('', '.', '..') or set(file) & set('/\\\0'):
            raise ValueError(f'{index}: names {file!r}; parts stand in the same folder as their index')
    if not parts:
        raise ValueError(f'{index}: lists no weights')
    return parts


def parts_of(index: Path) -> dict[Path, list[str]]:
    """Return an index's files with the names of the weights in each.

    Raises:
        FileNotFoundError: a part is missing.
        ValueError: as :func:`listed_parts`.
    """
    parts = {index.parent / file: names for file, names in listed_parts(index).items()}
    for number, part in enumerate(parts, 1):
        if not part.is_file():
            raise FileNotFoundError(f'{part}: part {number} of {len(parts)} of {index.name} is not there; fetch it too')
    return parts


def read_parts(index: Path, read: Callable[[Path], dict]) -> dict:
    """Read all parts of an index as one: parameter name -> tensor.

    Raises:
        FileNotFoundError, ValueError: as :func:`parts_of`; or a part does not hold what the index says.
    """
    state = {}
    for part, names in parts_of(index).items():
        content = read(part)
        if differing := content.keys() ^ set(names):
            raise ValueError(
                f'{part}: {min(map(str, differing))} is not both here and in {index.name}; they are not of one checkpoint'
            )
        state.update(content)
    return state


def files_of(path: Path) -> list[Path]:
    """Return the files that hold a checkpoint's weights: itself, or an index's parts."""
    return list(parts_of(path)) if path.suffix == '.json' else [path]
