"""From a config of the host's to one that uses our types where we have them."""

import copy
import inspect
from collections.abc import Iterator

import torch
from mmengine.config import Config, ConfigDict
from mmseg.registry import MODELS

from mmseg_vitseg.config.building import use_scope
from mmseg_vitseg.config.reading import ConfigError
from mmseg_vitseg.config.type_names import name_types
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.registry import SCOPE
from mmseg_vitseg.upgrading.counterparts import NAMES, both_classes, defaults

REASONS = dict(
    EncoderDecoder='refuses checkpoints that do not fit; predicts without logits at full size',
    VisionTransformer='fused attention, patches through a linear layer',
    MixVisionTransformer='fused attention, no changes of layout',
    MLANeck='the same, without copies',
    SETRUPHead='convolutions before upsamplings; loss without logits at full size',
    SETRMLAHead='convolutions before upsamplings; loss without logits at full size',
    SegformerHead='each level fused at its own size; loss without logits at full size',
)


def upgrade_config(cfg: Config) -> tuple[Config, list[str]]:
    """Rewrite a config's model with our types; everything else stays.

    Args:
        cfg: the host's, or one's own, as read from a file. It is not changed.

    Returns:
        the new config; a line for each thing that changed, or could not be changed, and why.

    Raises:
        ConfigError: it has no model, or none of our types has a place in it.
    """
    use_scope(cfg)
    old = copy.deepcopy(cfg)
    name_types(old)
    new, said = copy.deepcopy(old), []
    for place, node in _parts(new.model, 'model'):
        said += _upgrade_part(place, node)
    if new.model == old.model:
        raise ConfigError(f'{cfg.filename}: has nothing for which this project has a type: {", ".join(NAMES)}')
    return new, said + _changed_groups(old, new)


def _parts(node, place: str) -> Iterator[tuple[str, ConfigDict]]:
    """Yield each dict with a type, and where it stands; children first."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, (list, tuple)) else ()
    for key, child in list(items):
        yield from _parts(child, f'{place}.{key}')
    if isinstance(node, dict) and 'type' in node:
        yield place, node


def _upgrade_part(place: str, node: ConfigDict) -> list[str]:
    name = str(node.type).removeprefix('mmseg.')
    if name not in NAMES:
        return []
    before = copy.deepcopy(node)
    node.type = f'{SCOPE}.{name}'
    host, ours = map(defaults, both_classes(name))
    said = [f'{place}: {before.type} -> {node.type}: {REASONS[name]}']
    for key, default in host.items():
        own = ours.get(key, default)
        if key in node or own in (None, inspect.Parameter.empty) or _as_tuple(default) == _as_tuple(own):
            continue  # said; ours follows from `variant`, whose default is the host's sizes; the same
        if key == 'patch_bias':
            said.append(f"{place}.patch_bias: the host's default drops the bias of pretrained files; ours keeps it")
        else:
            node[key] = default
            said.append(f'{place}.{key} = {default!r}: the default of the host, not of ours')
    try:
        if name != 'EncoderDecoder':  # of parts that have been tried
            with torch.device('meta'):
                MODELS.build(copy.deepcopy(node))
    except Exception as error:
        node.clear()
        node.update(before)
        return [f'{place}: {before.type} stays: {first_line(error)}']
    return said


def _as_tuple(value):
    return tuple(value) if isinstance(value, list) else value


def _changed_groups(old: Config, new: Config) -> list[str]:
    """Say where an optimizer's ``custom_keys``, which are parts of parameters' names, now mean other parameters."""
    keys = ((old.get('optim_wrapper') or {}).get('paramwise_cfg') or {}).get('custom_keys') or {}
    if not keys or old.model.backbone == new.model.backbone:
        return []
    names = []
    for cfg in (old, new):
        backbone = MODELS.build(copy.deepcopy(cfg.model.backbone))
        names.append({f'backbone.{name}': value.numel() for name, value in backbone.named_parameters()})
    said = []
    for key in keys:
        theirs, ours = (sum(size for name, size in own.items() if key in name) for own in names)
        if bool(theirs) != bool(ours):
            said.append(
                f'optim_wrapper.paramwise_cfg.custom_keys[{key!r}]: named {theirs:,} parameters of the old backbone, names '
                f'{ours:,} of the new one'
            )
    return said
