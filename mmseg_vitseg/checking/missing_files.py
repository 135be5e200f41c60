"""Files of data sets: split files line by line, what their suffixes leave out, pictures and masks without each other."""

import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.training_setup import TRAINED, Setup
from mmseg_vitseg.config.parts import Part, build_unread, class_of, is_written_by_known, quiet
from mmseg_vitseg.config.pipelines import reads
from mmseg_vitseg.errors import listed
from mmseg_vitseg.pictures.reading import SUFFIXES

LISTED = 3  # lines named before the rest is only counted


def misnamed_files(setup: Setup) -> Iterator[Finding]:
    """Split files that are not there or name what is not there; pictures and masks left out because of their names."""
    for part in _parts(setup):
        yield from _check_split_is_there(part)
    for part, dataset in _datasets(setup):
        if dataset.ann_file:
            yield from _check_split(part, dataset)
        else:
            yield from _check_left_out(part, dataset)


def missing_masks(setup: Setup) -> Iterator[Finding]:
    """Pictures without a mask, where masks are loaded."""
    for part, dataset in _datasets(setup):
        if loads_masks(part) and (text := without_masks(_listed(dataset))):
            yield error(
                part.key,
                text,
                why='training stops at the first',
                fix=f'look at data_prefix.seg_map_path and seg_map_suffix of {part.key}, or take the pictures away',
            )


def loads_masks(part: Part) -> bool:
    """Tell whether a data set's pipeline loads masks."""
    return any(reads(step.node) == 'truth' for step in part.children('pipeline'))


def without_masks(infos: Sequence[dict]) -> str:
    """Say how many pictures of a data set's list have no mask; nothing where all have one."""
    alone = {id(info) for info in missing_files(infos, 'img_path')}
    missing = [info for info in missing_files(infos, 'seg_map_path') if id(info) not in alone]
    if not missing:
        return ''
    first = missing[0]
    return f'{len(missing)} of {len(infos)} pictures have no mask: {first["img_path"]} has no {first["seg_map_path"]}'


def missing_files(infos: Sequence[dict], name: str) -> list[dict]:
    """Return those of a data set's list whose picture or mask, a local file, is not there; a folder is read once."""
    files: dict[str, set[str]] = {}
    missing = []
    for info in infos:
        folder, file = os.path.split(str(info.get(name) or ''))
        if not file or '://' in folder:
            continue
        if folder not in files:
            files[folder] = set(os.listdir(folder)) if os.path.isdir(folder) else set()
        if file not in files[folder]:
            missing.append(info)
    return missing


def _parts(setup: Setup) -> Iterator[Part]:
    for loader in TRAINED:
        for part, *_ in setup.datasets(loader):
            if is_written_by_known(class_of(part.node, DATASETS), BaseSegDataset, 'load_data_list'):
                yield part


def _datasets(setup: Setup) -> Iterator[tuple[Part, BaseSegDataset]]:
    """Yield the data sets of local files that list them as the host does."""
    for part in _parts(setup):
        try:
            with quiet():
                dataset = build_unread(part.node)
        except Exception:  # data sets fail in their own ways, and say so when they are built for the training
            continue
        if os.path.isdir(dataset.data_prefix.get('img_path') or '') and not dataset.backend_args:
            yield part, dataset


def _listed(dataset: BaseSegDataset) -> list[dict]:
    try:
        return dataset.load_data_list()
    except Exception:  # as above
        return []


def _check_split_is_there(part: Part) -> Iterator[Finding]:
    root, split, cls = part.node.get('data_root') or '', part.node.get('ann_file'), class_of(part.node, DATASETS)
    if not isinstance(split, str) or not split or not os.path.isdir(root or '.'):
        return
    path = os.path.join(root, split)
    if getattr(cls, 'load_data_list', None) is BaseSegDataset.load_data_list and not os.path.exists(path):
        yield error(
            f'{part.key}.ann_file',
            f'no file {path!r}',
            why='it says which pictures are taken',
            fix='name a text file in data_root that has a name a line; without an ann_file every picture is taken',
        )


def _check_split(part: Part, dataset: BaseSegDataset) -> Iterator[Finding]:
    split, folder = Path(dataset.ann_file), dataset.data_prefix['img_path']
    try:
        text = split.read_bytes().decode('utf-8') if split.is_file() else ''
    except UnicodeDecodeError as problem:
        yield error(
            f'{part.key}.ann_file',
            f'{split}: not a text file in UTF-8 ({problem.reason})',
            why='its names cannot be read',
            fix='save it as UTF-8',
        )
        return
    lines, infos = [line.rstrip('\r\n') for line in io.StringIO(text)], _listed(dataset)
    missing = {id(info) for info in missing_files(infos, 'img_path')}
    if not missing or len(infos) != len(lines):
        return
    wrong = [
        f'line {number}, {line!r}: {_why(line, dataset)}'
        for number, (line, info) in enumerate(zip(lines, infos, strict=True), 1)
        if id(info) in missing
    ]
    yield error(
        f'{part.key}.ann_file',
        f'{len(wrong)} of {len(lines)} lines of {split} name no picture: {listed(wrong, LISTED, "; ")}',
        why='training stops at the first',
        fix=f'a line a picture: its name in {folder}, without {dataset.img_suffix!r}, which is put after it',
    )


def _why(line: str, dataset: BaseSegDataset) -> str:
    """Say why a line of a split file names no picture."""
    name, folder = line.strip(), Path(dataset.data_prefix['img_path'])
    if line.startswith('\ufeff'):
        return 'a byte order mark comes first; save the file as UTF-8 without one'
    if not name:
        return 'blank'
    if (folder / name).is_file():
        return 'has its suffix'
    if len(name.split()) > 1:
        return 'more than one name'
    suffixed = (name, f'{name}{dataset.img_suffix}')
    if any(Path(place, one).is_file() for place in ('', dataset.data_root or '') for one in suffixed):
        return 'a path from elsewhere'
    return f'there is no {folder / suffixed[1]}'


def _check_left_out(part: Part, dataset: BaseSegDataset) -> Iterator[Finding]:
    """Look for what lies in the folders and has another suffix, or no partner."""
    pictures, masks = (dataset.data_prefix.get(name) for name in ('img_path', 'seg_map_path'))
    infos = _listed(dataset)
    named = {info['img_path'] for info in infos}
    of_masks = {info.get('seg_map_path') for info in infos}
    said: list[str] = []
    if not masks or not _overlap(pictures, masks):
        others = [file for file in _files(pictures) if file not in named and file.lower().endswith(SUFFIXES)]
        if others:
            suffixes = ', '.join(sorted({Path(file).suffix for file in others}))
            said.append(f'{len(others)} pictures end in {suffixes}, not in {dataset.img_suffix} ({others[0]})')
    if masks and os.path.isdir(masks) and loads_masks(part):
        alone = [
            file for file in _files(masks) if file.endswith(dataset.seg_map_suffix) and file not in of_masks | named
        ]
        if alone:
            said.append(f'{len(alone)} masks have no picture ({alone[0]})')
    if said and infos:
        yield warning(
            f'{part.key}.img_suffix',
            f'{"; ".join(said)}; {len(infos)} pictures are taken',
            why='the others are left out, and nothing says so',
            fix='give all the same suffix, in the same case, or take away what is not meant',
        )


def _overlap(one: str, other: str) -> bool:
    """Tell whether one of two folders is the other, or in it."""
    first, second = Path(one).resolve(), Path(other).resolve()
    return first in (second, *second.parents) or second in first.parents


def _files(folder: str) -> list[str]:
    """List the files in a folder, and those below it, as the host names them."""
    return sorted(
        os.path.join(place, file)
        for place, _, files in os.walk(folder, followlinks=True)
        for file in files
        if not file.startswith('.')
    )
