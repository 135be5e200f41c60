"""The classes that the host and we have under one name."""

import inspect

import mmseg.models  # noqa: F401  (registers the host's)
from mmseg.registry import MODELS as HOST

from mmseg_vitseg.registry import MODELS, SCOPE

NAMES = (
    'EncoderDecoder',
    'VisionTransformer',
    'MixVisionTransformer',
    'MLANeck',
    'SETRUPHead',
    'SETRMLAHead',
    'SegformerHead',
)


def both_classes(name: str) -> tuple[type, type]:
    """Return the host's class and ours."""
    return HOST.get(f'mmseg.{name}'), MODELS.get(f'{SCOPE}.{name}')


def defaults(cls: type) -> dict:
    """Return a class's own arguments with their defaults (``inspect.Parameter.empty`` where there is none)."""
    catch_all = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    parameters = inspect.signature(cls).parameters
    return {name: parameter.default for name, parameter in parameters.items() if parameter.kind not in catch_all}
