"""Data loaders: what torch's refuses, and data sets that cannot be one."""

from collections.abc import Iterator

import numpy as np
from mmengine.dataset import ConcatDataset
from mmseg.registry import DATASETS

from mmseg_vitseg.checking.classes import check_num_classes
from mmseg_vitseg.checking.findings import Finding, error, warning
from mmseg_vitseg.checking.setup import LOADERS, Setup
from mmseg_vitseg.config.parts import Part, argument, build_unread, class_of, dicts, in_wrappers, nested, type_name

# Options that torch's loader takes only with workers, and what switches them off.
OF_WORKERS = {'persistent_workers': False, 'prefetch_factor': None, 'multiprocessing_context': None}


def check_workers(setup: Setup) -> Iterator[Finding]:
    """A loader without workers has no options of theirs."""
    for name in LOADERS:
        for loader in dicts(setup.cfg.get(name), name):
            given = [option for option in OF_WORKERS if loader.node.get(option)]
            if not given or loader.node.get('num_workers', 0):
                continue
            off = ' '.join(f'{loader.key}.{option}={OF_WORKERS[option]}' for option in given)
            yield _severity(name)(
                f'{loader.key}.{given[0]}',
                f'{loader.node[given[0]]}, and {loader.key}.num_workers is 0',
                why="torch's loader refuses it: " + _fails(name),
                fix=f'{off}, or {loader.key}.num_workers=1',
            )


def check_concatenated(setup: Setup) -> Iterator[Finding]:
    """Data sets that are joined to one have the same classes and colours, which the host asks for when it builds them."""
    told = tuple(finding.key for finding in check_num_classes(setup))
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
        yield _severity(loader)(
            f'{part.key}.metainfo',
            f'classes {there}; those of {parts[0].key} ({type_name(parts[0].node)}) are {first}'
            if classes
            else f'{" and ".join(keys)}: others, or of another type (list, tuple), than of {parts[0].key}',
            why='the host joins data sets of one metainfo only: ' + _fails(loader),
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


def _severity(loader: str):
    """Return how bad a loader that fails is: a training does not need the test data's."""
    return warning if loader == 'test_dataloader' else error


def _fails(loader: str) -> str:
    return 'tools/test.py fails' if loader == 'test_dataloader' else 'the training fails'
