"""What is written for a picture is named as the picture, and no two pictures share a name."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any


def unique_names(files: Sequence[Path]) -> list[Path]:
    """Return a name for each file, in its folder, without a suffix, no two the same."""
    names = [file.with_suffix('') for file in files]
    # a.jpg beside a.png: the suffix tells them apart; the same name from two folders: a number does
    times = Counter(names)
    names = [
        name if times[name] == 1 else full.with_name(full.name.replace('.', '_'))
        for name, full in zip(names, files, strict=True)
    ]
    unique: dict[Path, None] = {}
    for name in names:
        numbered = (name if number == 1 else name.with_name(f'{name.name}_{number}') for number in count(1))
        unique[next(one for one in numbered if one not in unique)] = None
    return list(unique)


def picture_names(datasets: Sequence[Any]) -> dict[str, Path]:
    """Return a name for each picture of some data sets, by its ``img_path``: its place in their folder of images.

    Where two data sets have pictures of one name, each data set has a folder: ``1``, ``2`` ...
    """
    places = []
    for dataset in datasets:
        paths = [dataset.get_data_info(index)['img_path'] for index in range(len(dataset))]
        folder = (getattr(dataset, 'data_prefix', None) or {}).get('img_path')
        places.append({path: _place(path, folder) for path in paths})
    stems = [stem for one in places for stem in {place.with_suffix('') for place in one.values()}]
    if len({*stems}) < len(stems) and len(places) > 1:
        places = [
            {path: Path(str(number), place) for path, place in one.items()}
            for number, one in enumerate(places, start=1)
        ]
    files: dict[str, Path] = {}
    for path, place in chain.from_iterable(one.items() for one in places):
        files.setdefault(path, place)  # a picture of two data sets is the first one's
    return dict(zip(files, unique_names(list(files.values())), strict=True))


def _place(path: str, folder: str | None) -> Path:
    """Return a path from a folder on, or the file's name where it is not in it."""
    if folder and Path(path).is_relative_to(folder):
        return Path(path).relative_to(folder)
    return Path(Path(path).name)
