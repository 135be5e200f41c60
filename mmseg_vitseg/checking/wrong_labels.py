"""Labels of masks against the classes: what is no class, what is ignored, what stands for a class by another value."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np
from mmengine import fileio

from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.sample import Seen
from mmseg_vitseg.config.parts import Part
from mmseg_vitseg.datasets.load_mask import LoadMask
from mmseg_vitseg.datasets.masks import nodata_of
from mmseg_vitseg.labels import IGNORED, is_no_class

LISTED = 3  # labels named before the rest is only counted


def wrong_labels(part: Part, dataset, seen: Seen, names: list[str], ignored: int) -> Iterator[Finding]:
    """Labels that are no class and not ignored; nothing to learn; a class that hides behind what is ignored.

    Args:
        part, dataset: the data set, as the config and built.
        seen: a sample of it.
        names: the classes'.
        ignored: the label that losses leave out.
    """
    reduced, labels, count = bool(dataset.reduce_zero_label), set(seen.labels), len(names)
    key, classes = f'{part.key}.reduce_zero_label', f'classes are 0 to {count - 1}'
    found = np.array(sorted(labels))
    if unknown := found[is_no_class(found, count, {ignored})].tolist():
        from_one = unknown == [count] and not reduced
        yield error(
            key if from_one else part.key,
            f'masks have labels that are no class: {_listed(unknown, seen)}; {classes}, '
            f'ignore_index={ignored}, reduce_zero_label={reduced}',
            why='such labels crash the loss, on a GPU with a "device-side assert"',
            fix=f"if 0 stands for 'no class' in the masks, {key}=True"
            if from_one
            else f'set ignore_index={IGNORED} in every head'
            if unknown == [IGNORED]
            else f'convert the masks, or give a class for each label in metainfo.classes; what has none is {IGNORED}'
            + _reading(labels - {ignored}, count, 'or, if the classes are in this order, '),
        )
    elif not labels & set(range(count)):
        what = f'no mask of {seen.masks} has a class: all pixels are {", ".join(map(str, sorted(labels)))}; {classes}'
        why, fix = 'every pixel is ignored: nothing is learned', f'look at the masks; {key} is {reduced}'
        yield error(part.key, what, why=why, fix=fix)
    elif reduced and {*range(count - 1), 255} <= labels and count - 1 not in labels:  # 255 was 0
        yield warning(
            key,
            f'True makes labels 1 to {count} classes; of {seen.masks} masks none has {count}, and all others are there',
            why='if the masks count from 0, their first class is ignored and every other is taken for the one before',
            fix=f'{key}=False, if the masks count classes from 0',
        )
    elif ignored in labels:
        yield from absent_classes(part, dataset, seen, names, ignored)


def _listed(labels: list[int], seen: Seen) -> str:
    counted = ', '.join(f'{one} in {seen.labels[one]} of {seen.masks} masks' for one in labels[:LISTED])
    more = f' and {len(labels) - LISTED} more labels' if len(labels) > LISTED else ''
    return f'{counted}{more} (first {seen.first[labels[0]]})'


def absent_classes(part: Part, dataset, seen: Seen, names: Sequence[str], ignored: int) -> Iterator[Finding]:
    """Classes that are in no mask where a label that is ignored may stand for them: an object drawn in white, say.

    Of many classes a rare one may be missing from a sample; a pipeline that makes pixels ignored says itself what they are.
    """
    absent = [index for index in range(len(names)) if index not in seen.labels]
    makes_it = dataset.reduce_zero_label or getattr(dataset, 'label_map', None)
    makes_it = makes_it or any(step.node.get('void') is not None for step in part.children('pipeline'))
    rare = len(names) > 4 and 2 * len(absent) < len(names)
    if not absent or makes_it or rare or seen.labels[ignored] < 0.9 * seen.masks:
        return
    missing = ', '.join(f'{index} ({names[index]})' for index in absent)
    if (nodata := _no_data(dataset, seen.first[ignored])) in absent:
        yield warning(
            part.key,
            f'class {missing} is in no mask of {seen.masks}, and {nodata} is no data, says a tag of {seen.first[ignored]}',
            why=f'LoadMask makes {IGNORED} of it, which losses and scores ignore',
            fix=f'if {nodata} is a class: dict(type="mmseg_vitseg.LoadMask", values=range({len(names)}), void={IGNORED}) in '
            'every pipeline',
        )
        return
    where = 'all of them' if seen.labels[ignored] == seen.masks else f'{seen.labels[ignored]} of them'
    yield warning(
        part.key,
        f'class {missing} is in no mask of {seen.masks}, and {ignored} is in {where}: is {ignored} your object?',
        why=f'pixels of {ignored} are ignored, in losses and in scores: nothing is learned of what they show',
        fix=f'if {ignored} is no class, nothing is to be done; else convert the masks'
        + _reading(set(seen.labels), len(names), 'or '),
    )


def _no_data(dataset, path: str) -> int | None:
    """Return the value of a TIFF that LoadMask ignores because of the file's tag; None where there is none."""
    step = next((step for step in dataset.pipeline.transforms if isinstance(step, LoadMask)), None)
    if step is None or not path.lower().endswith(('.tif', '.tiff')):
        return None
    with suppress(OSError, ValueError, SyntaxError):  # of a format that Pillow does not know
        nodata = nodata_of(fileio.get(path, backend_args=step.backend_args))
        return None if nodata in step.named else nodata
    return None


def _reading(labels: set[int], count: int, words: str) -> str:
    """Say how to read masks whose values stand for the classes in their order; nothing where they are not as many."""
    if len(labels) != count:
        return ''
    values = {value: index for index, value in enumerate(sorted(labels))}
    return f', {words}read them so: dict(type="mmseg_vitseg.LoadMask", values={values}) in every pipeline'
