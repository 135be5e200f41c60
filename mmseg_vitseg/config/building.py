"""Building what a config says."""

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import mmseg.models  # noqa: F401  (registers the host's)
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from mmseg_vitseg.config.devices import fit_to_devices
from mmseg_vitseg.config.parts import nested
from mmseg_vitseg.config.reading import ConfigError, type_and_message
from mmseg_vitseg.errors import meant
from mmseg_vitseg.host_messages import ignore_host_warnings
from mmseg_vitseg.registry import MODELS as OURS
from mmseg_vitseg.registry import SCOPE

WEIGHTS = (
    'pretrained',
    'init_cfg',
    'checkpoint_path',
)  # settings that name a file of weights, or say how they are drawn


def require_model(cfg: Config) -> None:
    """Raise ConfigError where a config has no model."""
    if not isinstance(cfg.get('model'), dict):
        raise ConfigError(f'{cfg.filename}: has no model; a config needs model = dict(type=...)')


def use_scope(cfg: Config) -> None:
    """Have the types of a config's model be looked for where the config says, by default among the host's.

    Raises:
        ConfigError: it has no model.
    """
    require_model(cfg)
    init_default_scope(cfg.get('default_scope') or 'mmseg')


@contextmanager
def building(cfg: Config) -> Iterator[None]:
    """Name the config in what goes wrong while something of it is built; what the host warns of then is left out.

    Raises:
        ConfigError: it has no model, or something cannot be built.
    """
    require_model(cfg)
    try:
        with warnings.catch_warnings():
            ignore_host_warnings()
            yield
    except (OSError, ValueError):
        raise
    except Exception as error:
        unknown, scope = unknown_type(error), cfg.get('default_scope')
        if unknown and scope != 'mmseg':
            raise ConfigError(
                f"{cfg.filename}: {unknown}: default_scope={scope!r} says where types are looked for; default_scope='mmseg'"
            ) from error
        raise ConfigError(f'{cfg.filename}: cannot be built: {spelling(unknown) or type_and_message(error)}') from error


def unknown_type(error: Exception) -> str | None:
    """Return what mmengine says of a type that is in no registry, None of other errors."""
    text, unknown, _ = str(error).strip('"\'').partition('. Please check')
    return text if unknown and isinstance(error, KeyError) else None


def spelling(unknown: str | None) -> str | None:
    """Return what :func:`unknown_type` says, with the model's type that was meant, or how a type becomes known."""
    if unknown is None:
        return None
    close = meant(
        unknown.split()[0], [*MODELS.module_dict, *(f'{SCOPE}.{name}' for name in OURS.module_dict)], cutoff=0.85
    )
    where = "check the spelling, or name the module that registers it: custom_imports=dict(imports=['your.module'])"
    return f'{unknown}; ' + (f'did you mean {close!r}?' if close else where)


def build_model(cfg: Config) -> nn.Module:
    """Build a config's model for one process of this machine, without loading or drawing weights.

    Args:
        cfg: made fit for this machine (:func:`~mmseg_vitseg.config.devices.fit_to_devices`); else as it was.

    Raises:
        ConfigError, ValueError: it has no model, or that cannot be built.
    """
    use_scope(cfg)
    with building(cfg):
        cfg.launcher = 'none'
        fit_to_devices(cfg)
        return MODELS.build(copy.deepcopy(cfg.model))


def leave_weights_out(model: dict) -> None:
    """Take out of the settings of a model, or of a part of one, what is fetched, or how weights are drawn."""
    for _, node in nested(model, 'model'):
        for name in WEIGHTS:
            node.pop(name, None)
