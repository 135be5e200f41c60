"""Data sets that cannot be joined to one."""

from collections.abc import Iterator

import numpy as np
from mmengine.dataset import ConcatDataset
from mmseg.registry import DATASETS

from mmseg_vitseg.checking.differing_classes import differing_classes
from mmseg_vitseg.checking.findings import Finding
from mmseg_vitseg.checking.loaders import fails, severity
from mmseg_vitseg.checking.training_setup import LOADERS, Setup
from mmseg_vitseg.config.parts import Part, argument, build_unread, class_of, dicts, in_wrappers, nested, type_name


def unjoinable_datasets(setup: Setup) -> Iterator[Finding]:
    """Joined data sets of other classes or colours than the first: the host refuses them when it builds them."""
    told = tuple(finding.key for finding in differing_classes(setup))
    for name in LOADERS:
        for loader in dicts(setup.cfg.get(name), name):
            for joined in nested(loader.node.get('dataset'), f'{loader.key}.dataset'):
                if class_of(joined.node, DATASETS) is ConcatDataset:
                    yield from _compare(joined, name, told)


def _compare(joined: Part, loader: str, told: tuple[str, ...]) -> Iterator[Finding]:
    ignored = argument(joined.node, 'ignore_keys', ConcatDataset) or ()
    parts = [next(in_wrappers(part))[0] for part in joined.children('datasets')]
    infos = [_metainfo(part) for part in parts]
    for part, info in zip(parts[1:], infos[1:], strict=True):
        if info is None or infos[0] is None:
            continue
        keys = [key for key in {**infos[0], **info} if key not in ignored and _differ(infos[0].get(key), info.get(key))]
        if not keys:
            continue
        names = [list(one.get('classes') or ()) for one in (infos[0], info)]
        classes = names[0] != names[1]
        if classes and any(key.startswith(f'{part.key}.') for key in told):
            return  # their names are said to differ
        first, there = (', '.join(map(str, one)) or 'none' for one in names)
        yield severity(loader)(
            f'{part.key}.metainfo',
            f'classes {there}; those of {parts[0].key} ({type_name(parts[0].node)}) are {first}'
            if classes
            else f'{" and ".join(keys)}: others, or of another type (list, tuple), than of {parts[0].key}',
            why='the host joins data sets of one metainfo only: ' + fails(loader),
            fix='one metainfo.classes for both, in the order by which their masks are numbered'
            if classes
            else f'{joined.key}.ignore_keys="{keys}"',
        )
        return


def _metainfo(part: Part) -> dict | None:
    """Return what a data set says about itself, before it looks for its files; None where it does not say it then."""
    try:
        return build_unread(part.node).metainfo
    except Exception:  # data sets fail in their own ways
        return None


def _differ(one, other) -> bool:
    return not np.array_equal(one, other) if isinstance(one, np.ndarray) else one != other
