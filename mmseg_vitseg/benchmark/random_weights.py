"""A model needs no data set and no checkpoint to be measured: its pretrained weights are taken out, random ones drawn."""

from pathlib import Path

import torch
from mmengine.config import Config
from torch import nn

from mmseg_vitseg.config.building import leave_weights_out, require_model
from mmseg_vitseg.config.reading import read_config


def untrained_config(path: str | Path, options: dict | None = None) -> Config:
    """Read a config and take out its model's pretrained weights.

    Args:
        path: the config file.
        options: dotted key -> value, put over the config's.

    Raises:
        FileNotFoundError, ConfigError: there is no such config, it cannot be read, or it has no model.
    """
    cfg = read_config(path, options)
    require_model(cfg)
    leave_weights_out(cfg.model)
    return cfg


def draw(model: nn.Module, seed: int = 0) -> nn.Module:
    """Draw every parameter and running statistic, so that a mix-up of two of them shows in the output.

    Weights have unit gain, norms and their statistics are near 1, biases and positions near 0; the periods of
    rotary positions stay.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if not value.is_floating_point() or name.endswith('rope.periods'):
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
