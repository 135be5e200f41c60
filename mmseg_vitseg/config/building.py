"""Building what a config says."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from torch import nn

from mmseg_vitseg.config.devices import fit_to_devices
from mmseg_vitseg.config.reading import ConfigError, type_and_message


def unknown_type(error: Exception) -> str | None:
    """Return what mmengine says of a type that is in no registry, None of other errors."""
    text, unknown, _ = str(error).strip('"\'').partition('. Please check')
    return text if unknown and isinstance(error, KeyError) else None


@contextmanager
def building(cfg: Config) -> Iterator[None]:
    """Name the config in what goes wrong while something of it is built.

    Raises:
        ConfigError: it has no model, or something cannot be built.
    """
    if not isinstance(cfg.get('model'), dict):
        raise ConfigError(f'{cfg.filename}: has no model; a config needs model = dict(type=...)')
    try:
        yield
    except (OSError, ValueError):
        raise
    except Exception as error:
        unknown, scope = unknown_type(error), cfg.get('default_scope')
        if unknown and scope != 'mmseg':
            raise ConfigError(
                f"{cfg.filename}: {unknown}: default_scope={scope!r} says where types are looked for; default_scope='mmseg'"
            ) from error
        raise ConfigError(f'{cfg.filename}: cannot be built: {type_and_message(error)}') from error


def build_model(cfg: Config) -> nn.Module:
    """Build a config's model for one process of this machine, without loading or drawing weights.

    Args:
        cfg: made fit for this machine (:func:`~mmseg_vitseg.config.devices.fit_to_devices`); else as it was.

    Raises:
        ConfigError, ValueError: it has no model, or that cannot be built.
    """
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    with building(cfg):
        cfg.launcher = 'none'
        fit_to_devices(cfg)
        return MODELS.build(copy.deepcopy(cfg.model))
