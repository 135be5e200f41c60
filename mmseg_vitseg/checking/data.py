"""What the data are, looked at in a sample: labels against classes, masks against pictures."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
from mmengine.dataset import BaseDataset
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import DATASETS, MODELS, TRANSFORMS

from mmseg_vitseg.checking.classes import compare_classes, logits_of, takes_labels
from mmseg_vitseg.checking.files import loads_masks, missing_files, without_masks
from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.losses import check_ignored
from mmseg_vitseg.checking.parts import Part, argument, class_of, quiet, type_name
from mmseg_vitseg.checking.roots import NOTHING, check_roots, missing_root
from mmseg_vitseg.checking.setup import TRAINED, Setup, classes_of
from mmseg_vitseg.datasets.loading import LoadMask
from mmseg_vitseg.datasets.masks import NoMaskError, of_channels
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.inference.model import is_loading

SAMPLE = 64  # pictures of each data set, at even distances
LISTED = 3  # files or labels named before the rest is only counted

Track = Callable[[Iterable[int], str], Iterable[int]]


class Seen:
    """What a sample of a data set holds."""

    def __init__(self) -> None:
        self.labels: Counter[int] = Counter()  # label as the loss gets it -> masks that have it
        self.first: dict[int, str] = {}  # label -> the first mask that has it
        self.damaged: list[str] = []
        self.no_masks: dict[str, NoMaskError] = {}  # path -> what it is
        self.other_size: list[str] = []
        self.masks = 0

    def add(self, results: dict) -> None:
        """Look at a picture and its mask, as the pipeline's loading steps give them."""
        if 'gt_seg_map' not in results:  # depths, say
            return
        path, mask = results.get('seg_map_path', results.get('img_path')), np.asarray(results['gt_seg_map'])
        self.masks += 1
        if mask.ndim == 3 and mask.shape[2] in (2, 3, 4):  # not a volume
            self.no_masks[str(path)] = of_channels(mask)
        if mask.ndim != 2:
            return
        picture = results.get('img')
        size = tuple(results.get('ori_shape', () if picture is None else np.shape(picture)))[:2]
        if size and mask.shape != size:
            self.other_size.append(f'{path} {mask.shape[0]} x {mask.shape[1]}, its picture {size[0]} x {size[1]}')
        for label in np.unique(mask).tolist():
            self.labels[label] += 1
            self.first.setdefault(label, str(path))


def check_data(setup: Setup, track: Track = lambda indices, text: indices) -> Iterator[Finding]:
    """Look at a sample of the training and the validation data.

    Args:
        setup: the config.
        track: gets the indices of a sample and a text, and gives the indices back: for progress.
    """
    yield from (replace(finding, key=finding.key.removesuffix('.data_root')) for finding in check_roots(setup))
    for loader in TRAINED:
        for wrapped in setup.datasets(loader):
            if missing_root(wrapped[0]) is None:
                yield from _check_dataset(setup, wrapped[0], track)


def _check_dataset(setup: Setup, part: Part, track: Track) -> Iterator[Finding]:
    steps = [step.node for step in part.children('pipeline') if is_loading(type_name(step.node))]
    if not loads_masks(part):
        return  # no labels are asked for
    settings = {**part.node, 'pipeline': steps}
    if argument(part.node, 'serialize_data', class_of(part.node, DATASETS)):
        settings['serialize_data'] = False  # which fails on a data set without pictures
    try:
        with quiet():
            dataset = DATASETS.build(settings)
        count = len(dataset)
    except Exception as problem:  # data sets fail in their own ways
        yield error(
            part.key,
            f'cannot be read: {first_line(problem)}',
            why=NOTHING,
            fix=f'{part.key}.data_root, data_prefix and ann_file must name what is there',
        )
        return
    if not count:
        yield error(
            part.key,
            f'{type_name(part.node)} finds no pictures in {part.node.get("data_root")!r}',
            why=NOTHING,
            fix=f'{part.key}.data_root=FOLDER; look at data_prefix, img_suffix and ann_file too',
        )
        return
    yield from _check_sample(setup, part, dataset, _look(dataset, steps, track, part.key))


def _look(dataset, steps: list[dict], track: Track, name: str) -> Seen:
    seen, read = Seen(), _mask_reader(steps)
    infos = dataset.data_list if isinstance(dataset, BaseDataset) else []
    pictures, masks = (missing_files(infos, name) for name in ('img_path', 'seg_map_path'))
    if pictures:
        seen.damaged.append(
            f'{len(pictures)} of {len(infos)} pictures are not there, the first is {pictures[0]["img_path"]}'
        )
    if text := without_masks(infos):
        seen.damaged.append(text)
    absent = {str(info['img_path']) for info in [*pictures, *masks]}
    for index in track(np.unique(np.linspace(0, len(dataset) - 1, SAMPLE).astype(int)).tolist(), name):
        info = dataset.get_data_info(index) if infos else {}
        path = str(info.get('img_path'))
        if path in absent:
            continue
        try:
            with quiet():
                if read and 'seg_map_path' in info:
                    read(info['seg_map_path'])
                seen.add(dataset[index])
        except Exception as problem:  # loading fails in its own ways
            message = first_line(problem)
            if isinstance(problem.__cause__, NoMaskError):
                seen.no_masks[str(info.get('seg_map_path'))] = problem.__cause__
            else:
                seen.damaged.append(message if path in message else f'{path}: {message}')
    return seen


def _mask_reader(steps: list[dict]) -> Callable[[str], np.ndarray] | None:
    """Return how we read a mask, where a pipeline has the host read it, which takes anything for labels."""
    for step in steps:
        cls = class_of(step, TRANSFORMS)
        if cls is not None and getattr(cls, '_load_seg_map', None) is LoadAnnotations._load_seg_map:
            known = ('imdecode_backend', 'backend_args')
            return LoadMask(**{name: step[name] for name in known if name in step}).read
    return None


def _check_sample(setup: Setup, part: Part, dataset, seen: Seen) -> Iterator[Finding]:
    for files, what, why, fix in (
        (seen.damaged, 'cannot be loaded', 'training stops at it', 'fetch it again, or take it off the split'),
        (
            [f'{path} ({mask.what})' for path, mask in seen.no_masks.items()],
            'masks are no maps of one label a pixel',
            'the loss fails, or learns what nobody drew',
            next((f'in Python, {mask.fix}' for mask in seen.no_masks.values()), ''),
        ),
        (
            seen.other_size,
            'masks are not of the size of their pictures',
            'crops and losses fail, or labels lie beside what they name',
            'resize the masks with nearest neighbours, or pair the right files',
        ),
    ):
        if files:
            more = f' and {len(files) - LISTED} more' if len(files) > LISTED else ''
            yield error(f'{part.key}', f'{what}: {"; ".join(files[:LISTED])}{more}', why=why, fix=fix)
    names = dataset.metainfo.get('classes')
    heads = [head for head in setup.heads if takes_labels(head)]
    if names and classes_of(part) is None:  # the data set itself knows
        for head in heads:
            yield from compare_classes(head, len(names), type_name(part.node))
    count = len(names) if names else max((max(logits_of(head), 2) for head in heads), default=None)
    if count and seen.labels:
        yield from _check_labels(part, dataset, seen, count, _ignored(heads))
    if part.key.startswith('train_dataloader'):
        yield from check_ignored(setup, seen.labels)


def _ignored(heads: list[Part]) -> int:
    """Return the label that the loss leaves out."""
    values = [argument(head.node, 'ignore_index', class_of(head.node, MODELS)) for head in heads]
    return next((value for value in values if value is not None), 255)


def _check_labels(part: Part, dataset, seen: Seen, count: int, ignored: int) -> Iterator[Finding]:
    reduced, labels = bool(dataset.reduce_zero_label), set(seen.labels)
    key, classes = f'{part.key}.reduce_zero_label', f'classes are 0 to {count - 1}'
    unknown = sorted(labels - {*range(count), ignored})
    if unknown:
        listed = ', '.join(f'{one} in {seen.labels[one]} of {seen.masks} masks' for one in unknown[:LISTED])
        more = f' and {len(unknown) - LISTED} more labels' if len(unknown) > LISTED else ''
        from_one = unknown == [count] and not reduced
        yield error(
            key if from_one else part.key,
            f'masks have labels that are no class: {listed}{more} (first {seen.first[unknown[0]]}); {classes}, '
            f'ignore_index={ignored}, reduce_zero_label={reduced}',
            why='such labels crash the loss, on a GPU with a "device-side assert"',
            fix=f"if 0 stands for 'no class' in the masks, {key}=True"
            if from_one
            else 'set ignore_index=255 in every head'
            if unknown == [255]
            else 'convert the masks, or give a class for each label in metainfo.classes; what has none is 255',
        )
    elif not labels & set(range(count)):
        yield error(
            part.key,
            f'no mask of {seen.masks} has a class: all pixels are {", ".join(map(str, sorted(labels)))}; {classes}',
            why='every pixel is ignored: nothing is learned',
            fix=f'look at the masks; {key} is {reduced}',
        )
    elif reduced and {*range(count - 1), 255} <= labels and count - 1 not in labels:  # 255 was 0
        yield warning(
            key,
            f'True makes labels 1 to {count} classes; of {seen.masks} masks none has {count}, and all others are there',
            why='if the masks count from 0, their first class is ignored and every other is taken for the one before',
            fix=f'{key}=False, if the masks count classes from 0',
        )
