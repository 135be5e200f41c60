"""Parameters without a gradient, named from what torch says of them."""

from types import SimpleNamespace

import pytest
from torch import nn

from mmseg_vitseg.config.reading import ConfigError
from mmseg_vitseg.engine.running.unused import unused_parameters_explained, whole_modules

TORCH_SAYS = (
    'Expected to have finished reduction in the prior iteration before starting a new one. ...\n'
    'Parameter indices which did not receive grad for rank 1: 1 2 3 6\n In addition, you can set'
)


def model() -> nn.Module:
    """Return a model whose first parameter is frozen, so that torch does not count it."""
    made = nn.ModuleDict(
        dict(stem=nn.Linear(2, 2), blocks=nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), head=nn.Linear(2, 2))
    )
    made['stem'].weight.requires_grad_(False)
    return made


def test_whole_modules_are_named_as_such():
    assert whole_modules(model(), {'stem.bias', 'blocks.0.weight', 'blocks.0.bias', 'head.bias'}) == [
        *('stem', 'blocks.0', 'head.bias'),
    ]


def test_torchs_places_become_names():
    with pytest.raises(ConfigError) as info, unused_parameters_explained(SimpleNamespace(model=model(), cfg={})):
        raise RuntimeError(TORCH_SAYS)
    assert str(info.value).startswith('no loss depends on blocks.0, blocks.1.weight, head.bias (4 parameters)')
    assert 'find_unused_parameters=True' in str(info.value)


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match='something else'), unused_parameters_explained(SimpleNamespace()):
        raise RuntimeError('something else')
