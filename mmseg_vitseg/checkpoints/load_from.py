"""``load_from`` for every kind of file: a loader among mmengine's."""

from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from mmseg_vitseg.checkpoints.accounting import account_for
from mmseg_vitseg.checkpoints.containers import CONTAINERS
from mmseg_vitseg.checkpoints.fetch import HUB, local_file
from mmseg_vitseg.checkpoints.reading import read_checkpoint, state_dict_of


class CheckedFile(str):
    """The name of a checkpoint that was read and checked already; who loads it is given what was read, once."""

    content: dict | None = None

    def hand_over(self) -> dict:
        """Return what was read, and keep nothing of it."""
        content, self.content = self.content, None
        assert content is not None, 'handed over already'
        return content


def checked_file(name: str, model: nn.Module) -> CheckedFile:
    """Read a checkpoint that a Runner is going to load, and account for every key, before the Runner starts.

    Args:
        name: a local file, a URL or hf://owner/name.
        model: what it is meant for; nothing is loaded into it here.

    Returns:
        the local file's name, for the Runner: so it is read once and converted once.

    Raises:
        FileNotFoundError, ConnectionError, ValueError: it is missing, damaged or unsafe, or it does not fit.
    """
    checked = CheckedFile(local_file(name))
    content = load_from_any_source(checked)
    fitted = account_for(model, content['state_dict'], checked, getattr(model, 'from_scratch', ()))
    # what starts from scratch has its values when the Runner has drawn them
    weights = {name: value for name, value in fitted.weights.items() if name not in fitted.scratch}
    checked.content = {**content, 'state_dict': weights}
    return checked


# mmengine matches these as regular expressions; what it reads by itself, it goes on reading
@CheckpointLoader.register_scheme(prefixes=(HUB, r'.*\.(safetensors|npz)$'), force=True)
def load_from_any_source(filename: str, map_location=None) -> dict:
    """Read a checkpoint for mmengine's Runner, on the CPU: its weights under ``state_dict``, and what else it has.

    Raises:
        FileNotFoundError, ConnectionError, ValueError: see :func:`~mmseg_vitseg.checkpoints.reading.read_checkpoint`.
    """
    if isinstance(filename, CheckedFile) and filename.content is not None:
        return filename.hand_over()
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
