"""The settings that a checkpoint says it was trained with, read without running anything of them."""

import ast
import math

# What of a config decides learning rates, momenta, weight decay and how they go on.
DECIDING = ('optim_wrapper', 'param_scheduler', 'train_cfg', 'auto_scale_lr')
LISTED = 6  # changes; the others are counted


def read_settings(text: str) -> dict | None:
    """Read :data:`DECIDING` of a config's text, as the host writes it: assignments of literals and of ``dict(...)``.

    Returns:
        the values by name; None where a text is something else, or has none of them.
    """
    try:
        nodes = {
            node.targets[0].id: node.value
            for node in ast.parse(text).body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        return {name: _value(nodes[name]) for name in DECIDING if name in nodes} or None
    except (SyntaxError, ValueError):
        return None


def _value(node: ast.expr):
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict' and not node.args:
        return {keyword.arg: _value(keyword.value) for keyword in node.keywords}
    if isinstance(node, ast.Dict) and None not in node.keys:
        return {ast.literal_eval(key): _value(value) for key, value in zip(node.keys, node.values, strict=True) if key}
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_value(one) for one in node.elts]
    if isinstance(node, ast.Name) and node.id in ('inf', 'nan'):
        return getattr(math, node.id)
    return ast.literal_eval(node)


def changes(trained: dict, now: dict) -> str:
    """Return what differs between settings in words: ``key old -> new``, the first few."""
    old, new = _flat(trained), _flat(now)
    keys = [key for key in dict.fromkeys([*old, *new]) if old.get(key) != new.get(key)]
    said = [f'{key} {old.get(key, "(not set)")} -> {new.get(key, "(not set)")}' for key in keys]
    return ', '.join([*said[:LISTED], *([f'and {len(said) - LISTED} more'] if len(said) > LISTED else [])])


def _flat(node, key: str = '') -> dict[str, object]:
    """Return the leaves of nested settings by dotted key; types by their names, without modules."""
    if isinstance(node, (dict, list)) and node:
        children = node.items() if isinstance(node, dict) else enumerate(node)
        return {
            name: value
            for child, one in children
            for name, value in _flat(one, f'{key}.{child}' if key else str(child)).items()
        }
    is_type = key.endswith('type') and isinstance(node, str)
    return {key: node.rpartition('.')[2] if is_type else node}
