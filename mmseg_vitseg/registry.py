"""The project's registries: children of the host's, under the scope ``mmseg_vitseg``.

mmengine imports ``<scope>.registry`` when it meets a type ``<scope>.NAME``, then the modules in ``locations``. That is why
``type='mmseg_vitseg.NAME'`` works in any config and with the host's own tools, with no ``custom_imports``. Keep
``default_scope = 'mmseg'`` in configs: a type without a prefix is then the host's.
"""

from mmengine import registry as engine
from mmengine.registry import Registry
from mmseg import registry as host

from mmseg_vitseg.compat import allow_checkpoints

SCOPE = 'mmseg_vitseg'

allow_checkpoints()


def _child(parent: Registry, *locations: str) -> Registry:
    return Registry(parent.name, scope=SCOPE, parent=parent, locations=[f'{SCOPE}.{place}' for place in locations])


MODELS = _child(host.MODELS, 'models')
DATASETS = _child(host.DATASETS, 'datasets')
TRANSFORMS = _child(host.TRANSFORMS, 'datasets')
METRICS = _child(host.METRICS, 'evaluation')
HOOKS = _child(host.HOOKS, 'engine')
OPTIM_WRAPPERS = _child(host.OPTIM_WRAPPERS, 'engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child(host.OPTIM_WRAPPER_CONSTRUCTORS, 'engine')
PARAM_SCHEDULERS = _child(host.PARAM_SCHEDULERS, 'engine')
STRATEGIES = _child(engine.STRATEGIES, 'engine')
FUNCTIONS = _child(engine.FUNCTIONS, 'engine')
