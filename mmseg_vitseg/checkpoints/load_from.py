"""``load_from`` for every kind of file: a loader among mmengine's."""

from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor

from mmseg_vitseg.checkpoints.containers import CONTAINERS
from mmseg_vitseg.checkpoints.fetch import HUB, local_file
from mmseg_vitseg.checkpoints.reading import read_checkpoint, state_dict_of


# mmengine matches these as regular expressions; what it reads by itself, it goes on reading
@CheckpointLoader.register_scheme(prefixes=(HUB, r'.*\.(safetensors|npz)$'), force=True)
def load_from_any_source(filename: str, map_location=None) -> dict:
    """Read a checkpoint for mmengine's Runner, on the CPU: its weights under ``state_dict``, and what else it has.

    Raises:
        FileNotFoundError, ConnectionError, ValueError: see :func:`~mmseg_vitseg.checkpoints.reading.read_checkpoint`.
    """
    path = local_file(filename)
    # not mapped: what a resumed optimizer takes over is held for the whole training
    content = read_checkpoint(path, mapped=False)
    rest = {name: value for name, value in content.items() if name not in CONTAINERS and not isinstance(value, Tensor)}
    return {**rest, 'state_dict': state_dict_of(content, path)}


def read_all_checkpoints() -> None:
    """Have mmengine read local files and URLs as this package does: all kinds of them, and never by unpickling.

    By itself it unpickles what it cannot read otherwise: when it resumes, and for ``init_cfg`` of the host's own modules.
    """
    CheckpointLoader.register_scheme(('', 'http://', 'https://'), load_from_any_source, force=True)
