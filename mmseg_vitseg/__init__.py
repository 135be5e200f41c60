"""Transformers for segmentation, as a plugin of MMSegmentation.

Importing this package is light: it looks at the installed distributions' metadata and imports neither torch nor the
host. Everything registered here is reached by its type name, ``type='mmseg_vitseg.NAME'``, in any MMSegmentation config.
"""

from mmseg_vitseg.compat import check_host, supply_operators

__version__ = '0.1.0'

check_host()
supply_operators()


def upgrade(model):
    """Turn a built model of the host's, weights and all, into ours; see :func:`mmseg_vitseg.upgrading.models.upgrade`."""
    from mmseg_vitseg.upgrading.models import upgrade

    return upgrade(model)
