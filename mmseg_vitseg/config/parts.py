"""Reading the parts of a config: each is a dict and the dotted key at which it stands."""

import copy
import inspect
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import NamedTuple, TypeGuard

from mmengine.logging import MMLogger
from mmengine.registry import Registry
from mmseg.registry import DATASETS

from mmseg_vitseg.architectures import VARIANTS

# Packages whose classes are what their names say; a class from elsewhere may do anything, so nothing is said about it.
KNOWN_PACKAGES = ('mmseg', 'mmseg_vitseg', 'mmcv', 'mmdet', 'mmpretrain')


class Part(NamedTuple):
    """A dict of a config, and its dotted key."""

    key: str
    node: dict

    def child(self, name: str) -> 'Part | None':
        """Return a dict in this one, None where there is none of that name."""
        node = self.node.get(name)
        return Part(f'{self.key}.{name}', node) if isinstance(node, dict) else None

    def children(self, name: str) -> list['Part']:
        """Return the dict of that name, or the dicts of the list of that name."""
        return list(dicts(self.node.get(name), f'{self.key}.{name}'))


def dicts(node, key: str) -> Iterator[Part]:
    """Yield a dict, or each dict of a list."""
    if isinstance(node, dict):
        yield Part(key, node)
    elif isinstance(node, (list, tuple)):
        for index, one in enumerate(node):
            if isinstance(one, dict):
                yield Part(f'{key}.{index}', one)


def nested(node, key: str) -> Iterator[Part]:
    """Yield every dict in a nested config, itself first; what it imports, and nothing uses, is not imported for that."""
    if isinstance(node, dict):
        yield Part(key, node)
        for name, child in dict.items(node):
            yield from nested(child, f'{key}.{name}')
    elif isinstance(node, (list, tuple)):
        for index, child in enumerate(node):
            yield from nested(child, f'{key}.{index}')


def in_wrappers(dataset: Part, outside: tuple[Part, ...] = ()) -> Iterator[tuple[Part, ...]]:
    """Yield each data set inside of wrappers (ConcatDataset, RepeatDataset ...) and these, the outermost wrapper last."""
    wrapped = (dataset, *outside)
    inside = dataset.children('dataset') + dataset.children('datasets')
    if not inside:
        yield wrapped
    for one in inside:
        yield from in_wrappers(one, wrapped)


def build_unread(dataset: dict):
    """Build a data set that has not looked for its files, without its pipeline: what it says of itself, and lists."""
    return DATASETS.build({**copy.deepcopy(dataset), 'pipeline': [], 'lazy_init': True})


def type_name(node: dict) -> str:
    """Return a type's name without its scope: ``VisionTransformer`` for ``mmseg_vitseg.VisionTransformer``."""
    kind = node.get('type')
    return (kind if isinstance(kind, str) else getattr(kind, '__name__', '')).rpartition('.')[2]


def class_of(node: dict, registry: Registry) -> type | None:
    """Return the class that a type names in its own scope or the default one; None where there is none of that name."""
    kind = node.get('type')
    if isinstance(kind, type):
        return kind
    try:
        with registry.switch_scope_and_registry(node.get('_scope_')) as there:
            found = there.get(kind) if isinstance(kind, str) else None
    except Exception:  # packages that are not installed, or of a version that does not fit, fail in their own ways
        return None
    return found if isinstance(found, type) else None


def is_a(node: dict, registry: Registry, base: type) -> bool:
    """Tell whether a type names a class, or one derived from it; what is not known is none."""
    cls = class_of(node, registry)
    return cls is not None and issubclass(cls, base)


def is_known(cls: type | None) -> TypeGuard[type]:
    """Tell whether a class is the host's, ours, or one of the host's sister projects'."""
    return cls is not None and cls.__module__.partition('.')[0] in KNOWN_PACKAGES


def is_written_by_known(cls: type | None, base: type, *methods: str) -> bool:
    """Tell whether a class is a ``base`` whose methods of these names nobody else has changed."""
    if cls is None or not issubclass(cls, base):
        return False
    return all(is_known(next(owner for owner in cls.__mro__ if name in vars(owner))) for name in methods)


def argument(node: dict, name: str, cls: type | None):
    """Return what an argument of a part is, by default what its class, or a base of it, has, or what the variant of one of
    our backbones stands for; None where nobody says.
    """
    value = _said(node, name, cls)
    if value is not None or cls is None or cls.__name__ not in VARIANTS:
        return value
    return getattr(VARIANTS[cls.__name__].get(_said(node, 'variant', cls)), name, None)


def _said(node: dict, name: str, cls: type | None):
    """Return what an argument of a part, or its default, is; None where nobody says."""
    if name in node:
        return node[name]
    for base in cls.__mro__ if cls else ():
        if '__init__' in vars(base):
            parameter = inspect.signature(vars(base)['__init__']).parameters.get(name)
            if parameter is not None and parameter.default is not inspect.Parameter.empty:
                return parameter.default
    return None


def pair(size) -> tuple[int, int] | None:
    """Return a size as two whole numbers, None where it is not one."""
    values = (size, size) if isinstance(size, int) else size
    whole = isinstance(values, Sequence) and len(values) == 2 and all(isinstance(one, int) for one in values)
    return tuple(values) if whole else None


def by(size: Sequence[int]) -> str:
    """Return a size as text."""
    return f'{size[0]} x {size[1]}'


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what the host says while it imports and builds, and builds again later, off the log and the screen."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            warnings.simplefilter('ignore')
            yield
    finally:
        logger.setLevel(level)
