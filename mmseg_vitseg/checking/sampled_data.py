"""What the data are, looked at in a sample: labels against classes, masks against pictures."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
from mmengine.dataset import BaseDataset
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import MODELS, TRANSFORMS

from mmseg_vitseg.checking.differing_classes import wrong_num_classes
from mmseg_vitseg.checking.findings import Finding, error
from mmseg_vitseg.checking.machine_lacks import NOTHING, missing_folders, missing_root
from mmseg_vitseg.checking.mask_classes import wrong_annotations
from mmseg_vitseg.checking.missing_files import loads_masks, missing_files, without_masks
from mmseg_vitseg.checking.proposed_tables import Proposal, proposed_table
from mmseg_vitseg.checking.sample import Seen, evenly_spaced
from mmseg_vitseg.checking.training_setup import TRAINED, Setup, build_dataset, known_classes
from mmseg_vitseg.checking.wrong_labels import absent_classes, wrong_labels
from mmseg_vitseg.checking.wrong_losses import learned_from_ignored
from mmseg_vitseg.config.datasets import has_own_palette
from mmseg_vitseg.config.heads import logits_of
from mmseg_vitseg.config.parts import Part, argument, class_of, quiet, type_name
from mmseg_vitseg.config.pipelines import reads
from mmseg_vitseg.datasets.load_mask import LoadMask
from mmseg_vitseg.datasets.masks import NoMaskError, of_channels
from mmseg_vitseg.errors import first_line, listed
from mmseg_vitseg.labels import IGNORED

SAMPLE = 64  # pictures of each data set, at even distances
FEW = 8  # masks of each that are looked at before a training
LISTED = 3  # files or labels named before the rest is only counted
DAMAGED = 'as is said there; a damaged file: fetch it again, or take it off the split'

Track = Callable[[Iterable[int], str], Iterable[int]]


def mistakes_in_data(setup: Setup, track: Track = lambda indices, text: indices) -> Iterator[Finding]:
    """What is wrong in a sample of the training and the validation data.

    Args:
        setup: the config.
        track: gets the indices of a sample and a text, and gives the indices back: for progress.
    """
    yield from (replace(finding, key=finding.key.removesuffix('.data_root')) for finding in missing_folders(setup))
    for loader in TRAINED:
        for wrapped in setup.datasets(loader):
            if missing_root(wrapped[0]) is None:
                yield from _check_dataset(setup, wrapped[0], track)


def _check_dataset(setup: Setup, part: Part, track: Track) -> Iterator[Finding]:
    steps = [step.node for step in part.children('pipeline') if reads(step.node)]
    if not loads_masks(part):
        return  # no labels are asked for
    try:
        with quiet():
            dataset = build_dataset(part, pipeline=steps)
        count = len(dataset)
    except Exception as problem:  # data sets fail in their own ways
        paths = f'{part.key}.data_root, data_prefix and ann_file must name what is there'
        of_settings = isinstance(problem, (TypeError, ValueError))
        yield error(
            part.key,
            f'cannot be read: {first_line(problem)}',
            why=NOTHING,
            fix=f'{part.key}: change the setting that is named' if of_settings else paths,
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
    for index in track(evenly_spaced(len(dataset), SAMPLE), name):
        info = dataset.get_data_info(index) if infos else {}
        path = str(info.get('img_path'))
        if path in absent:
            continue
        try:
            with quiet():
                if read and 'seg_map_path' in info and (mask := read(info['seg_map_path'])).ndim == 3:
                    seen.no_masks[str(info['seg_map_path'])] = of_channels(mask)
                    continue
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
    names = dataset.metainfo.get('classes')
    table = _proposed(part, dataset, seen)
    for files, what, why, fix in (
        (seen.damaged, 'cannot be loaded', 'training stops at it', DAMAGED),
        (
            [f'{path} ({mask.what})' for path, mask in seen.no_masks.items()],
            f'{table.seen}; masks are no maps of one label a pixel'
            if table
            else 'masks are no maps of one label a pixel',
            'the loss fails, or learns what nobody drew',
            table.fix if table else next((mask.fix for mask in seen.no_masks.values()), ''),
        ),
        (
            seen.other_size,
            'masks are not of the size of their pictures',
            'crops and losses fail, or labels lie beside what they name',
            'resize the masks with nearest neighbours, or pair the right files',
        ),
    ):
        if files:
            yield error(f'{part.key}', f'{what}: {listed(files, LISTED, "; ")}', why=why, fix=fix)
    yield from wrong_annotations(part, dataset)
    heads = setup.labelled_heads
    if names and known_classes(part) is None:  # the data set itself knows
        for head in heads:
            yield from wrong_num_classes(head, len(names), type_name(part.node))
    count = len(names) if names else max((max(logits_of(head.node), 2) for head in heads), default=None)
    if count and seen.labels:
        yield from wrong_labels(part, dataset, seen, names or [str(index) for index in range(count)], _ignored(heads))
    if part.key.startswith('train_dataloader'):
        yield from learned_from_ignored(setup, seen.labels)


def _proposed(part: Part, dataset, seen: Seen) -> Proposal | None:
    """Propose a table for masks that could not be read; labels of the others are values too, where nothing changes them."""
    meta = dataset.metainfo
    names = list(map(str, meta.get('classes') or ()))
    palette = meta['palette'] if names and has_own_palette(meta) else None
    changed = getattr(dataset, 'reduce_zero_label', False) or getattr(dataset, 'label_map', None)
    changed = changed or any(step.node.get('values') is not None for step in part.children('pipeline'))
    return proposed_table(seen.no_masks.values(), names, palette, Counter() if changed else seen.pixels)


def _ignored(heads: list[Part]) -> int:
    """Return the label that the loss leaves out."""
    values = [argument(head.node, 'ignore_index', class_of(head.node, MODELS)) for head in heads]
    return next((value for value in values if value is not None), IGNORED)


def ignored_objects(setup: Setup) -> Iterator[Finding]:
    """Values that are ignored and stand for a class that is in no mask, in a few masks of the training data."""
    for wrapped in setup.datasets('train_dataloader'):
        part = wrapped[0]
        names = known_classes(part)
        steps = [step.node for step in part.children('pipeline') if reads(step.node) == 'truth']
        if not names or not steps or missing_root(part) is not None:
            continue
        try:
            dataset = build_dataset(part, pipeline=steps)
            seen = Seen()
            for index in evenly_spaced(len(dataset), FEW):
                seen.add(dataset[index])
        except Exception:  # data sets and loading fail in their own ways, and say so in the training
            continue
        ignored = _ignored(setup.labelled_heads)
        if ignored in seen.labels and set(seen.labels) <= {*range(len(names)), ignored}:
            yield from absent_classes(part, dataset, seen, names, ignored)
