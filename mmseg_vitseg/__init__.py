"""Transformers for segmentation, as a plugin of MMSegmentation.

Importing this package is light: it looks at the installed distributions' metadata and imports neither torch nor the
host. Everything registered here is reached by its type name, ``type='mmseg_vitseg.NAME'``, in any MMSegmentation config.
"""

import importlib

from mmseg_vitseg.compat import check_host, is_command, supply_operators
from mmseg_vitseg.host_imports import quieten_imports

__version__ = '0.1.0'

try:
    check_host()
    supply_operators()
except ImportError:
    if not is_command():  # which says so in one line, when it needs the host
        raise
quieten_imports()

# What a program uses by its name; the modules need torch and the host.
PUBLIC = dict(
    load_model='mmseg_vitseg.inference.model',
    predict='mmseg_vitseg.inference.model',
    upgrade='mmseg_vitseg.upgrading.built_models',
)


def __getattr__(name: str):
    """Import what is public when it is used."""
    if name not in PUBLIC:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(PUBLIC[name]), name)
