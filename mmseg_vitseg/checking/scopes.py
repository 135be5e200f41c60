"""Types that nobody has registered under the config's default scope."""

from collections.abc import Iterator

from mmengine import registry as roots
from mmengine.registry import Registry

from mmseg_vitseg.checking.findings import Finding, error
from mmseg_vitseg.checking.setup import LOADERS, Setup
from mmseg_vitseg.config.parts import Part, dicts, nested
from mmseg_vitseg.errors import meant

HOST = 'mmseg'
MODEL_PARTS = ('backbone', 'neck', 'decode_head', 'auxiliary_head', 'data_preprocessor', 'loss_decode')

OTHERS = (
    ('visualizer', roots.VISUALIZERS),
    ('val_evaluator', roots.METRICS),
    ('test_evaluator', roots.METRICS),
    ('custom_hooks', roots.HOOKS),
    ('optim_wrapper', roots.OPTIM_WRAPPERS),
    ('param_scheduler', roots.PARAM_SCHEDULERS),
    ('train_cfg', roots.LOOPS),
    ('tta_model', roots.MODELS),
)


def check_types(setup: Setup) -> Iterator[Finding]:
    """Each type is found from the default scope; a type without a scope in front is meant to be the host's."""
    scope = setup.cfg.get('default_scope', 'mmengine')  # the Runner's default
    missing = [(part, registry) for part, registry in _typed(setup) if not _finds(registry, scope, part.node)]
    elsewhere = []
    if scope != HOST:
        others = [(part, registry) for part, registry in _others(setup) if not _finds(registry, scope, part.node)]
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


def _others(setup: Setup) -> Iterator[tuple[Part, Registry]]:
    """Yield what the Runner builds besides: a scope of models and data alone has none of it."""
    cfg = setup.cfg
    groups = [(dicts(cfg.get(name), name), registry) for name, registry in OTHERS]
    for hooks in dicts(cfg.get('default_hooks'), 'default_hooks'):
        groups += [(iter(hooks.children(name)), roots.HOOKS) for name in hooks.node]
    for wrapper in dicts(cfg.get('optim_wrapper'), 'optim_wrapper'):
        groups.append((iter(wrapper.children('optimizer')), roots.OPTIMIZERS))
    for parts, registry in groups:
        yield from ((part, registry) for part in parts if _named(part))


def _named(part: Part) -> bool:
    return isinstance(part.node.get('type'), str)


def _finds(registry: Registry, scope: str | None, node: dict) -> bool:
    """Tell whether a registry finds a type from a default scope."""
    try:
        with registry.switch_scope_and_registry(node.get('_scope_') or scope or 'mmengine') as there:
            return there.get(node['type']) is not None
    except Exception:  # packages that are not installed, or of a version that does not fit, fail in their own ways
        return False
