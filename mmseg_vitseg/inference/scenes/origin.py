"""What a result was made from: a run goes on from another's where all of it is the same."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mmseg_vitseg.config.datasets import dataset_of


class Origin:
    """What a model's results are made from.

    Args:
        model: :func:`~mmseg_vitseg.inference.model.load_model`'s.
    """

    def __init__(self, model: nn.Module):
        self.model = model
        self.sums: dict[str, str] = {}  # made once

    def of(self, file: Path, **more: Any) -> dict:
        """Return it, as JSON has it: sums of config and weights, size and date of a scene's file, and what is given."""
        if not self.sums:
            self.sums = dict(config=_sum_of_config(self.model), checkpoint=_sum_of_weights(self.model))
        stat = file.stat()
        return json.loads(json.dumps({**self.sums, 'scene': [stat.st_size, stat.st_mtime_ns], **more}))


def _sum_of_config(model: nn.Module) -> str:
    """Return a sum of what a config says of the model, of the classes and of how pictures are read."""
    dataset = dataset_of(model.cfg)
    of_data = {name: dataset[name] for name in dataset if name not in ('data_root', 'ann_file', 'data_prefix')}
    return hashlib.sha256(repr((model.cfg.model, of_data)).encode()).hexdigest()


def _sum_of_weights(model: nn.Module) -> str:
    found = hashlib.sha256()
    for name, value in model.state_dict().items():
        found.update(name.encode())
        found.update(value.detach().cpu().flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
