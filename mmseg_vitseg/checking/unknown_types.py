"""Types that nobody has registered under the config's default scope."""

from collections.abc import Iterator

from mmengine import registry as roots
from mmengine.registry import Registry

from mmseg_vitseg.checking.findings import Finding, error
from mmseg_vitseg.checking.training_setup import LOADERS, Setup, runner_parts
from mmseg_vitseg.config.parts import Part, nested
from mmseg_vitseg.errors import meant

HOST = 'mmseg'
MODEL_PARTS = ('backbone', 'neck', 'decode_head', 'auxiliary_head', 'data_preprocessor', 'loss_decode')


def unknown_types(setup: Setup) -> Iterator[Finding]:
    """Types that are not found from the default scope; one without a scope in front is meant to be the host's."""
    scope = setup.cfg.get('default_scope', 'mmengine')  # the Runner's default
    missing = [one for one in _typed(setup) if not _finds(one[1], scope, one[0].node)]
    elsewhere = []
    if scope != HOST:
        others = [one for one in runner_parts(setup.cfg) if _named(one[0]) and not _finds(one[1], scope, one[0].node)]
        elsewhere = [part for part, registry in (*missing, *others) if _finds(registry, HOST, part.node)]
    if elsewhere:
        key, node = elsewhere[0]
        yield error(
            'default_scope',
            f'{scope!r}, where {key}.type={node["type"]!r} is not registered',
            why='types are looked for from there',
            fix=f"default_scope='{HOST}'",
        )
    for part, registry in missing:
        if part not in elsewhere:
            yield _unknown(part, registry, scope)


def _unknown(part: Part, registry: Registry, scope: str) -> Finding:
    kind = part.node['type']
    prefix, _, _ = kind.rpartition('.')
    scope = part.node.get('_scope_', scope)
    with registry.switch_scope_and_registry(prefix or scope) as there:
        found = not prefix or there.scope == prefix  # a package that is not installed has no registry
        known = [f'{prefix}.{name}' if prefix else name for name in there.module_dict] if found else []
    close = meant(kind, known)
    return error(
        f'{part.key}.type',
        f'{kind!r} is not in the {registry.name} registry',
        why='it cannot be built',
        fix=f'did you mean {close!r}?'
        if close
        else f'install {prefix}'
        if not found
        else "name the module that registers it: custom_imports=dict(imports=['your.module'])",
    )


def _typed(setup: Setup) -> Iterator[tuple[Part, Registry]]:
    """Yield each part whose type says which class it is, and the registry of its kind."""
    if isinstance(setup.model.node.get('type'), str):
        yield setup.model, roots.MODELS
    for part in nested(setup.model.node, 'model'):
        children = [child for name in MODEL_PARTS for child in part.children(name)]
        yield from ((child, roots.MODELS) for child in children if _named(child))
    seen = set()
    for loader in LOADERS:
        for wrapped in setup.datasets(loader):
            for part in wrapped:
                parts = [(part, roots.DATASETS), *((step, roots.TRANSFORMS) for step in part.children('pipeline'))]
                yield from (pair for pair in parts if _named(pair[0]) and (pair[0].node['type'] not in seen))
                seen |= {pair[0].node['type'] for pair in parts if _named(pair[0])}


def _named(part: Part) -> bool:
    return isinstance(part.node.get('type'), str)


def _finds(registry: Registry, scope: str | None, node: dict) -> bool:
    """Tell whether a registry finds a type from a default scope."""
    try:
        with registry.switch_scope_and_registry(node.get('_scope_') or scope or 'mmengine') as there:
            return there.get(node['type']) is not None
    except Exception:  # packages that are not installed, or of a version that does not fit, fail in their own ways
        return False
