"""From a config file to a model with random weights: no data set, no checkpoint."""

import copy
from pathlib import Path

import mmseg.models  # noqa: F401  (registers the host's)
import torch
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from mmseg_vitseg.config.devices import fit_to_devices
from mmseg_vitseg.config.reading import ConfigError, read_config
from mmseg_vitseg.config.type_names import nested_dicts


def model_config(path: str | Path, options: dict | None = None) -> ConfigDict:
    """Read the model out of a config, without its pretrained weights; SyncBN is BN, as in training on one device.

    Args:
        path: the config file.
        options: dotted key -> value, put over the config's.

    Raises:
        FileNotFoundError, ConfigError: there is no such config, it cannot be read, or it has no model.
    """
    cfg = read_config(path, options)
    if not isinstance(cfg.get('model'), dict):
        raise ConfigError(f'{path}: has no model, so nothing to measure')
    cfg.launcher = 'none'
    fit_to_devices(cfg)
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    for node in nested_dicts(cfg.model):
        node.pop('pretrained', None)
        node.pop('init_cfg', None)  # weights are drawn
    return cfg.model


def build_model(cfg: ConfigDict) -> nn.Module:
    """Build a model; the config can be used again."""
    return MODELS.build(copy.deepcopy(cfg))


def draw(model: nn.Module, seed: int = 0) -> nn.Module:
    """Draw every parameter and running statistic, so that a mix-up of two of them shows in the output.

    Weights have unit gain, norms and their statistics are near 1, biases and positions near 0.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if not value.is_floating_point():
                continue
            drawn = torch.randn(value.shape, generator=generator)
            if name.endswith('running_var'):
                drawn = 1 + 0.1 * drawn.abs()
            elif value.ndim < 2:  # one number: a scale, learnt from 0
                drawn = 0.1 * drawn + float(name.endswith('weight'))
            else:
                drawn *= value[0].numel() ** -0.5
            value.copy_(drawn)
    return model
