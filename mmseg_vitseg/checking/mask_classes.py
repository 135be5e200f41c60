"""LoadMask's classes and its COCO json against the data set that it is in."""

from collections.abc import Iterator

from mmengine.dataset import BaseDataset
from mmseg.registry import TRANSFORMS

from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.training_setup import LOADERS, Setup, known_classes
from mmseg_vitseg.config.parts import Part, is_a
from mmseg_vitseg.datasets.class_names import first_difference, list_classes, same
from mmseg_vitseg.datasets.coco_masks import CocoMasks, UnlistedError
from mmseg_vitseg.datasets.load_mask import LoadMask
from mmseg_vitseg.errors import listed

LISTED = 3  # pictures named before the rest is only counted


def differing_mask_classes(setup: Setup) -> Iterator[Finding]:
    """Classes by which a step numbers the labels of masks, and others by which their data set does."""
    for part in (wrapped[0] for loader in LOADERS for wrapped in setup.datasets(loader)):
        names = known_classes(part)
        for step in part.children('pipeline'):
            own = step.node.get('classes')
            if names and own and is_a(step.node, TRANSFORMS, LoadMask) and not same(list(map(str, own)), names):
                yield error(
                    f'{step.key}.classes',
                    f'{list_classes(own)}, and {part.key} has {list_classes(names)}{first_difference(own, names)}',
                    why='labels are numbered by the first, and named and scored by the second',
                    fix=f'write the same list in both: {step.key}.classes and {part.key}.metainfo.classes',
                )


def wrong_annotations(part: Part, dataset: BaseDataset) -> Iterator[Finding]:
    """Pictures that a COCO json does not have, or has without an annotation.

    Args:
        part, dataset: the data set, as the config and built.
    """
    for step in dataset.pipeline.transforms:
        if isinstance(step, LoadMask) and step.coco is not None:
            yield from _compare(part, [str(info['img_path']) for info in dataset.data_list], step.coco)


def _compare(part: Part, paths: list[str], coco: CocoMasks) -> Iterator[Finding]:
    missing, empty = [], []
    for path in paths:
        try:
            if not coco.find(path).annotations:
                empty.append(path)
        except UnlistedError:
            missing.append(path)
        except (OSError, ValueError):  # of the json, or of the config: it is said where pictures are loaded
            return
    if missing:
        yield error(
            part.key,
            f'{len(missing)} of {len(paths)} pictures are not in {coco.path}: {listed(missing, LISTED)}',
            why='training stops at the first',
            fix='file_name must be the end of their path; add them, or list the pictures that are meant in an ann_file',
        )
    if empty:
        yield warning(
            part.key,
            f'{len(empty)} of {len(paths)} pictures have no annotation in {coco.path}: {listed(empty, LISTED)}',
            why=f'all of each is taken for {coco.background}',
            fix='if that is true, nothing is to be done; else draw them, or list the others in an ann_file',
        )
