"""Types of pure-Python configs, which are classes, as the names under which the host's registries know them."""

from collections.abc import Callable, Iterator

from mmengine import registry as roots
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.utils import get_object_from_string
from mmseg import registry as host

from mmseg_vitseg.config.parts import nested

SHARED = ('mmcv', 'mmengine', 'torch')  # packages whose classes are registered wherever the host is


def name_types(cfg: Config) -> None:
    """Put names in the place of the classes that are a config's types; one of a text config stays as it is written.

    A pure-Python config of mmengine's holds classes, and what the host dumps of it holds their paths:
    ``mmseg.models.losses.CrossEntropyLoss``. As ``CrossEntropyLoss`` both are configs like any other. A class of which no
    registry says by itself what it is (one's own, which an import registers) keeps its path.

    Classes need no default scope, and the host's own pure-Python configs have None. Names do: it is then the host's.

    Args:
        cfg: as read. It is changed.

    Raises:
        ImportError: a class cannot be imported.
    """
    scope = cfg.get('default_scope')
    scopeless = scope in (None, roots.MODELS.scope)
    found = []
    for _, node in nested(cfg._cfg_dict, ''):
        kind = node.get('type')  # a class that is not imported yet, mmengine imports here
        if isinstance(kind, str) and kind.count('.') > 1:  # not SCOPE.NAME
            kind = _object_at(kind)
        if callable(kind):
            found.append((node, kind))
    if found and scopeless:
        scope = cfg.default_scope = host.MODELS.scope
        _keep_meaning(cfg)
    for node, kind in found:
        node['type'] = name_of(kind, scope)


def _keep_meaning(cfg: Config) -> None:
    """Write mmengine's scope before the names that are a config's types, where the host has something else of that name."""
    for _, node in nested(cfg._cfg_dict, ''):
        kind = node.get('type')
        theirs = [root for root in _roots() if isinstance(kind, str) and kind in root.module_dict]
        if any(_in_scope(root, host.MODELS.scope).get(kind) is not root.module_dict[kind] for root in theirs):
            node['type'] = f'{roots.MODELS.scope}.{kind}'


def name_of(kind: Callable, scope: str) -> str | Callable:
    """Return the shortest text for which the registries give just this class or function; itself where none does.

    Args:
        kind: a class, or what else a registry builds with.
        scope: the config's default scope.
    """
    package = getattr(kind, '__module__', '').partition('.')[0]
    known = [
        (registry, name)
        for registry in _registries(_roots())
        for name, registered in registry.module_dict.items()
        if registered is kind and package in (registry.scope, *SHARED)
    ]
    for registry, name in [*known, *((registry, f'{registry.scope}.{name}') for registry, name in known)]:
        if _in_scope(registry, scope).get(name) is kind:
            return name
    path = f'{package and kind.__module__}.{getattr(kind, "__qualname__", "")}'
    return path if _object_at(path) is kind else kind


def _roots() -> list[Registry]:
    return [root for root in vars(roots).values() if isinstance(root, Registry)]


def _in_scope(registry: Registry, scope: str) -> Registry:
    """Return the registry in which a part is looked for under a default scope."""
    return next((one for one in _registries([registry.root]) if one.scope == scope), registry.root)


def _registries(tops) -> Iterator[Registry]:
    for registry in tops:
        yield registry
        yield from _registries(registry.children.values())


def _object_at(path: str) -> Callable | None:
    """Return what stands at a path of Python's; None where nothing does."""
    try:
        return get_object_from_string(path)
    except Exception:  # modules that are not there, or do not work here, fail in their own ways
        return None
