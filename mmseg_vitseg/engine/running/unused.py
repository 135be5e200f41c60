"""What a training of several processes says of parameters that get no gradient."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.runner import Runner
from torch import nn

from mmseg_vitseg.config.reading import ConfigError
from mmseg_vitseg.engine.running.runner import segmentor_of
from mmseg_vitseg.errors import listed

LISTED = 5  # modules named before the rest is only counted
# torch's, which gives places among the parameters, or, with TORCH_DISTRIBUTED_DEBUG, names
PLACES = re.compile(r'Parameter indices which did not receive grad for rank \d+: ([\d ]+)')


@contextmanager
def unused_parameters_explained(runner: Runner) -> Iterator[None]:
    """Where torch ends a training of several processes because of parameters without a gradient, name them.

    Raises:
        ConfigError: says which they are, and what to do.
    """
    try:
        yield
    except RuntimeError as error:
        found = PLACES.search(str(error))
        if found is None:
            raise
        trained = [name for name, one in segmentor_of(runner.model).named_parameters() if one.requires_grad]
        unused = {trained[int(place)] for place in found[1].split()}
        names = whole_modules(segmentor_of(runner.model), unused)
        own = torch.cuda.is_available() and runner.cfg.get('model_wrapper_cfg')
        raise ConfigError(
            f'no loss depends on {listed(names, LISTED)} ({len(unused)} parameters), which several processes '
            f'wait for: --cfg-options {"model_wrapper_cfg." if own else ""}find_unused_parameters=True trains without '
            'them; or leave out of the model what no head reads (num_layers, out_indices, in_index)'
        ) from error


def whole_modules(model: nn.Module, names: set[str], prefix: str = '') -> list[str]:
    """Return names of parameters, those of a whole module as the module's name.

    Args:
        model: the module that has them.
        names: of parameters, as in ``model.named_parameters()``, after ``prefix``.
        prefix: of the module's own names.
    """
    own = {f'{prefix}{name}' for name, one in model.named_parameters() if one.requires_grad}
    if prefix and own and own <= names:
        return [prefix.removesuffix('.')]
    direct = [f'{prefix}{name}' for name, _ in model.named_parameters(recurse=False) if f'{prefix}{name}' in names]
    inside = [
        found for name, child in model.named_children() for found in whole_modules(child, names, f'{prefix}{name}.')
    ]
    return [*direct, *inside]
