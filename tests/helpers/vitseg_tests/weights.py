"""Random weights; parity_timm.py takes them from here in an environment that has torch, but neither the host nor us."""

from torch import nn


def randomise(model: nn.Module) -> nn.Module:
    """Draw every parameter and running statistic, so that a mix-up of two of them shows; the model is then in evaluation.

    Weights have unit gain, norms are near 1, biases near 0. The periods of rotary positions stay.
    """
    for name, value in model.state_dict().items():
        if name.endswith('running_var'):
            nn.init.uniform_(value, 0.5, 2)
        elif value.is_floating_point() and not name.endswith('rope.periods'):
            std = value[0].numel() ** -0.5 if value.ndim > 1 and value.numel() else 0.2
            nn.init.normal_(value, mean=float(value.ndim == 1 and name.endswith('weight')), std=std)
    model.eval()  # the host's ViT returns None
    return model
