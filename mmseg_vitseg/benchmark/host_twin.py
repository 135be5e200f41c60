"""The same model of the host's, from our config."""

import inspect
from dataclasses import fields

from mmengine.config import ConfigDict
from torch import nn

from mmseg_vitseg.architectures import VARIANTS
from mmseg_vitseg.models.mit import MixVisionTransformer
from mmseg_vitseg.registry import SCOPE
from mmseg_vitseg.upgrading.counterparts import NAMES, both_classes, defaults

# Ours only, and without effect on what is measured: what a checkpoint must fill; norms' eps, which `share_eps` copies.
WITHOUT_EFFECT = ('from_scratch', 'reduction_norm_cfg')


def host_twin(node, notes: list[str]):
    """Return a model's config with the host's type wherever ours has a counterpart, and the arguments that the host takes.

    Args:
        node: the model's config, or a part of it.
        notes: gets a line for each thing in which the twin is another model.

    Raises:
        ValueError: a type, or an argument's value, that the host does not have.
    """
    if isinstance(node, (list, tuple)):
        return type(node)(host_twin(child, notes) for child in node)
    if not isinstance(node, dict):
        return node
    node = ConfigDict({key: host_twin(value, notes) for key, value in node.items()})
    scope, _, name = str(node.get('type')).rpartition('.')
    if scope != SCOPE:
        return node
    if name not in NAMES:
        raise ValueError(f'the host has no {name}')
    host, ours = map(defaults, both_classes(name))
    _spell_out_variant(name, node, ours, host)
    if name == 'SegformerHead' and node.pop('linear_projection', False):
        notes.append("the host's own decoder: a norm and a ReLU after each level's projection")
    for key, default in ours.items():
        if key in host:
            if isinstance(host[key], bool) and node.get(key) in ('each', 'qv'):  # which the host would take for True
                raise ValueError(f"the host's {name} has no {key}={node[key]!r}")
            differs = default not in (None, inspect.Parameter.empty) and default != host[key]  # None: the variant's
            if differs and key not in node:
                node[key] = default
        elif key in node:
            value = node.pop(key)
            if value != default and key not in WITHOUT_EFFECT:
                raise ValueError(f"the host's {name} has no {key}={value!r}")
    node.type = f'mmseg.{name}'
    return node


def _spell_out_variant(name: str, node: ConfigDict, ours: dict, host: dict) -> None:
    """Put the values that a variant stands for in its place, except those that mean nothing to the host."""
    if name in VARIANTS:
        row = VARIANTS[name][node.pop('variant', ours['variant'])]
        for field in fields(row):
            value = getattr(row, field.name)
            if node.get(field.name) is None and (field.name in host or value != field.default):
                node[field.name] = value


def share_eps(theirs: nn.Module, ours: nn.Module) -> None:
    """Give the layer norms of a twin's MiT the eps of ours: neither the host's nor HF's can be configured as the authors'.

    Raises:
        ValueError: their norms do not stand in the order of ours.
    """
    if not isinstance(ours, MixVisionTransformer):
        return
    norms, own = ([x for x in backbone.modules() if isinstance(x, nn.LayerNorm)] for backbone in (theirs, ours))
    if [norm.normalized_shape for norm in norms] != [norm.normalized_shape for norm in own]:
        raise ValueError('its layer norms stand in another order')
    for norm, one in zip(norms, own, strict=True):
        norm.eps = one.eps
