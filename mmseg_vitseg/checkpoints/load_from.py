"""``load_from`` for every kind of file: a loader among mmengine's."""

from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor

from mmseg_vitseg.checkpoints.fetch import HUB, local_file
from mmseg_vitseg.checkpoints.reading import CONTAINERS, read_checkpoint, state_dict_of

SCHEME = 'mmseg_vitseg://'  # before a name: read it as this package does, whatever kind of file it is


# mmengine matches these as regular expressions; what it reads by itself, it goes on reading
@CheckpointLoader.register_scheme(prefixes=(SCHEME, HUB, r'.*\.(safetensors|npz)$'), force=True)
def load_from_any_source(filename: str, map_location=None) -> dict:
    """Read a checkpoint for mmengine's Runner, on the CPU: its weights under ``state_dict``, and what else it has.

    Raises:
        FileNotFoundError, ConnectionError, ValueError: see :func:`~mmseg_vitseg.checkpoints.reading.read_checkpoint`.
    """
    path = local_file(filename.removeprefix(SCHEME))
    content = read_checkpoint(path)
    rest = {name: value for name, value in content.items() if name not in CONTAINERS and not isinstance(value, Tensor)}
    return {**rest, 'state_dict': state_dict_of(content, path)}
