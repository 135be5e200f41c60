"""Types of pure-Python configs, which are classes, as the names under which the host's registries know them."""

from collections.abc import Callable, Iterator

import mmseg.registry  # noqa: F401  (hangs the host's registries into mmengine's)
from mmengine import registry as roots
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.utils import get_object_from_string

SHARED = ('mmcv', 'mmengine', 'torch')  # packages whose classes are registered wherever the host is


def name_types(cfg: Config) -> None:
    """Put names in the place of the classes that are a config's types; one of a text config stays as it is written.

    A pure-Python config of mmengine's holds classes, and what the host dumps of it holds their paths:
    ``mmseg.models.losses.CrossEntropyLoss``. As ``CrossEntropyLoss`` both are configs like any other. A class of which no
    registry says by itself what it is (one's own, which an import registers) keeps its path.

    Args:
        cfg: as read. It is changed.

    Raises:
        ImportError: a class cannot be imported.
    """
    scope = cfg.get('default_scope')
    for node in _dicts(cfg._cfg_dict):
        kind = node.get('type')  # a class that is not imported yet, mmengine imports here
        if isinstance(kind, str) and kind.count('.') > 1:  # not SCOPE.NAME
            kind = _object_at(kind)
        if callable(kind):
            node['type'] = name_of(kind, scope)


def name_of(kind: Callable, scope: str | None) -> str | Callable:
    """Return the shortest text for which the registries give just this class or function; itself where none does.

    Args:
        kind: a class, or what else a registry builds with.
        scope: the config's default scope. Without one, a part is looked for from the registry of whoever builds it, the
            Runner (mmengine's) or a model (the host's).
    """
    package = getattr(kind, '__module__', '').partition('.')[0]
    known = [
        (registry, name)
        for registry in _registries(root for root in vars(roots).values() if isinstance(root, Registry))
        for name, registered in registry.module_dict.items()
        if registered is kind and package in (registry.scope, *SHARED)
    ]
    for registry, name in [*known, *((registry, f'{registry.scope}.{name}') for registry, name in known)]:
        children = {child.scope: child for child in _registries([registry.root])}
        places = (
            [children.get(scope, registry.root)] if scope else [registry.root, children.get('mmseg', registry.root)]
        )
        if all(place.get(name) is kind for place in places):
            return name
    path = f'{package and kind.__module__}.{getattr(kind, "__qualname__", "")}'
    return path if _object_at(path) is kind else kind


def _registries(tops) -> Iterator[Registry]:
    for registry in tops:
        yield registry
        yield from _registries(registry.children.values())


def _dicts(node) -> Iterator[dict]:
    """Yield every dict in a config; what is imported in it, and nothing uses, is not imported for that."""
    if isinstance(node, dict):
        yield node
    children = dict.values(node) if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else ()
    for child in children:
        yield from _dicts(child)


def _object_at(path: str) -> Callable | None:
    """Return what stands at a path of Python's; None where nothing does."""
    try:
        return get_object_from_string(path)
    except Exception:  # modules that are not there, or do not work here, fail in their own ways
        return None
