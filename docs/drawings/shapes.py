"""The shapes of the tensors in a model, from a forward pass on the meta device, which computes nothing."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mmseg_vitseg.benchmark.random_weights import untrained_config
from mmseg_vitseg.config.building import build_model
from mmseg_vitseg.config.shipped import FOLDER

Shape = tuple[int, ...]


class Traced:
    """A config's model, and the shapes of one picture's way through it.

    Args:
        config: the name of one of ours.
        size: height and width of the picture.
        options: dotted key -> value, changes to the config for the time of the forward pass.

    Attributes:
        model: on the meta device.
        shapes: of each module's name its output's; ``NAME<`` its input's; ``NAME:1`` the second of several. Besides,
            ``picture``, ``features``, what goes into the head, and ``logits``, what the model returns.
    """

    def __init__(self, config: str, size: int, options: dict):
        self.config, self.size = config, size
        self.shapes: dict[str, Shape] = {}
        with torch.device('meta'), torch.no_grad():
            self.model = self._built({})
            self._run(self._built(options) if options else self.model, torch.empty(1, 3, size, size))

    def _built(self, options: dict) -> nn.Module:
        return build_model(untrained_config(Path(FOLDER, f'{self.config}.py'), options)).eval()

    def _run(self, model: nn.Module, picture: Tensor) -> None:
        for name, module in model.named_modules():
            module.register_forward_pre_hook(lambda _, inputs, name=name: self._note(f'{name}<', inputs[0]))
            module.register_forward_hook(lambda _, inputs, output, name=name: self._note(name, output))
        features = model.extract_feat(picture)
        for head in getattr(model, 'auxiliary_head', None) or ():
            head(features)
        self._note('picture', picture)
        self._note('features', features)
        self._note('logits', model(picture, mode='tensor'))

    def _note(self, name: str, value: Any) -> None:
        self.shapes.update(named_shapes(name, value))

    def millions(self) -> dict[str, float]:
        """Return the parameters of each part, in millions."""
        counts: Counter[str] = Counter()
        for name, value in self.model.named_parameters():
            counts[name.partition('.')[0]] += value.numel()
        return {name: count / 1e6 for name, count in counts.items()}


def named_shapes(name: str, value: Any) -> Iterator[tuple[str, Shape]]:
    """Yield the shapes of all tensors in a value, by their names."""
    if isinstance(value, Tensor):
        yield name, tuple(value.shape)
    elif isinstance(value, (tuple, list)):
        for index, one in enumerate(value):
            yield from named_shapes(f'{name}:{index}', one)
