"""Transformers for segmentation, as a plugin of MMSegmentation.

Importing this package is light: it looks at the installed distributions' metadata and imports neither torch nor the
host. Everything registered here is reached by its type name, ``type='mmseg_vitseg.NAME'``, in any MMSegmentation config.
"""

from mmseg_vitseg.compat import check_host, supply_operators

__version__ = '0.1.0'

check_host()
supply_operators()


def __getattr__(name: str):
    """Import ``load_model`` and ``predict`` when they are used: they need torch and the host."""
    if name in ('load_model', 'predict'):
        from mmseg_vitseg.inference import model

        return getattr(model, name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
