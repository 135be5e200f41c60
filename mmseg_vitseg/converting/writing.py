"""The file that a converted checkpoint becomes: its name, which replaces nothing that was read, and its content."""

from pathlib import Path

import torch
from torch import Tensor

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.checkpoints.sharded import files_of

SUFFIXES = ('.safetensors', '.pth')


def check_target(dst: Path) -> None:
    """Check that a file of this name can be written.

    Raises:
        FileNotFoundError, ValueError: it cannot.
    """
    if dst.suffix not in SUFFIXES:
        raise ValueError(f'{dst}: ends in {dst.suffix or "nothing"!r}; allowed: {", ".join(SUFFIXES)}')
    if dst.is_dir():
        raise ValueError(f'{dst}: a folder; name a file')
    if not dst.parent.is_dir():
        raise FileNotFoundError(f'{dst.parent}: no such folder; make it first')


def refuse_to_replace(dst: Path, file: Path, what: str) -> None:
    """Check that the file to be written is none that is read: a checkpoint's, or the index of several and one of these.

    Raises:
        ValueError: it is; ``what`` says which.
    """
    if dst.exists() and any(dst.samefile(part) for part in (file, *files_of(file))):
        raise ValueError(f'{dst}: is {what}; give the result another name')


def write_weights(weights: dict[str, Tensor], path: Path, provenance: dict[str, str]) -> None:
    """Write weights with their provenance, whole or not at all."""
    from safetensors.torch import save_file

    tensors = {name: value.contiguous().clone() for name, value in weights.items()}  # of their own memory each
    with whole(path) as temporary:
        if path.suffix == '.safetensors':
            save_file(tensors, temporary, metadata=provenance)
        else:
            torch.save({'state_dict': tensors, 'meta': {'provenance': provenance}}, temporary)
