"""Reading a checkpoint file without executing anything that is in it."""

from pathlib import Path

import torch
from torch import Tensor

from mmseg_vitseg.checkpoints.containers import weights_of, without_wrappers
from mmseg_vitseg.checkpoints.file_kinds import kind_of, npz_shapes, read_npz, read_safetensors, read_torch
from mmseg_vitseg.checkpoints.sharded import read_parts, refuse_part, weights_in


def read_checkpoint(path: str | Path, *, unpickle: bool = False, mapped: bool = True) -> dict:
    """Read a safetensors file, an .npz of arrays, or a file of torch.save's, whatever it is called, on the CPU.

    Of a checkpoint in several files, it reads them all, by their index or their folder. Only tensors, plain containers and
    what mmengine's Runner adds to them are read (``weights_only=True``). Tensors of a torch.save file stay mapped to the
    file until they are used, so looking at their names costs no memory.

    Args:
        path: a local file, or a folder that holds one.
        unpickle: run whatever code a file of torch.save's holds: only for a file whose author is trusted.
        mapped: leave tensors in the file; what is kept for long should not depend on it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: empty, truncated, not a checkpoint, a part of one, or one that would have to be unpickled.
    """
    path = Path(path)
    if path.is_dir():
        path = weights_in(path)
    if path.suffix == '.json':
        _check_file(path)
        return read_parts(path, lambda part: _read_file(part, unpickle, mapped))
    refuse_part(path)
    return _read_file(path, unpickle, mapped)


def read_state_dict(path: str | Path, *, unpickle: bool = False, container: str | None = None) -> dict[str, Tensor]:
    """Read only the weights of a checkpoint: parameter name -> tensor on the CPU.

    Args:
        path, unpickle: as :func:`read_checkpoint`.
        container: see :func:`~mmseg_vitseg.checkpoints.containers.weights_of`.

    Raises:
        FileNotFoundError, ValueError: as :func:`read_checkpoint`; also where the file holds no weights.
    """
    return state_dict_of(read_checkpoint(path, unpickle=unpickle), path, container)


def read_shapes(path: str | Path, *, container: str | None = None) -> dict[str, Tensor]:
    """Read what weights a checkpoint has, not their values: parameter name -> tensor on the meta device.

    Raises:
        FileNotFoundError, ValueError: as :func:`read_state_dict`.
    """
    path = Path(path)
    if path.is_file() and path.stat().st_size and kind_of(path) == 'npz':  # the other kinds stay mapped to the file
        return {name: torch.empty(shape, device='meta') for name, shape in npz_shapes(path).items()}
    return {name: value.to('meta') for name, value in read_state_dict(path, container=container).items()}


def state_dict_of(content: dict, path: str | Path, container: str | None = None) -> dict[str, Tensor]:
    """Take the weights out of what :func:`read_checkpoint` returned, without the names of data parallelism and compiling.

    Raises:
        ValueError: no weights, quantised ones, or a tensor that is not plain, or larger than its data.
    """
    weights = weights_of(content, path, container)
    for name, value in weights.items():
        if value.layout != torch.strided or value.is_meta or value.is_complex():
            raise ValueError(f'{path}: {name} is sparse, complex or without data; weights are plain real tensors')
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise ValueError(f'{path}: damaged: {name} {tuple(value.shape)} is larger than its data; fetch it again')
    return without_wrappers(weights, path)


def refuse_text(path: Path, name: str | Path) -> None:
    """Refuse what a download often leaves in a checkpoint's place.

    Raises:
        ValueError: a web page, or the pointer that Git LFS leaves; calls it ``name``.
    """
    with path.open('rb') as file:
        start = file.read(512).lstrip().lower()
    if start.startswith((b'<!doctype', b'<html', b'<?xml')):
        raise ValueError(f'{name}: a web page, not a checkpoint: the download went wrong; fetch it again')
    if start.startswith(b'version https://git-lfs'):
        raise ValueError(f'{name}: a Git LFS pointer, not the file itself; run git lfs pull')


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such checkpoint file')
    if path.stat().st_size == 0:
        raise ValueError(f'{path}: the file is empty; fetch it again')
    refuse_text(path, path)


def _read_file(path: Path, unpickle: bool, mapped: bool) -> dict:
    _check_file(path)
    kind = kind_of(path)
    if kind != 'torch':
        return read_safetensors(path) if kind == 'safetensors' else read_npz(path)
    content = read_torch(path, unpickle, mapped)
    if not isinstance(content, dict):
        raise ValueError(f'{path}: holds a {type(content).__name__}, not a dict of tensors')
    return content
