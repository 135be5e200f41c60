"""Reading a checkpoint file without executing anything that is in it."""

import math
import warnings
import zipfile
from argparse import Namespace
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from torch import Tensor

from mmseg_vitseg.checkpoints.values import refuse_quantised
from mmseg_vitseg.compat import checkpoint_globals
from mmseg_vitseg.errors import first_line

# Where published checkpoints keep their weights: the host and mmpretrain, DeiT and MAE and DINO.
CONTAINERS = ('state_dict', 'model', 'teacher')

EXPANSION = 2000  # times its size that a member of an archive may unpack to: deflate reaches 1032
UNPICKLE = '--unsafe-unpickle'  # the flag of tools/convert_checkpoint.py


def read_checkpoint(path: str | Path, *, unpickle: bool = False, mapped: bool = True) -> dict:
    """Read a .safetensors file, a .npz of arrays, or a file of torch.save's, on the CPU.

    Only tensors, plain containers and what mmengine's Runner adds to them are read (``weights_only=True``). Tensors of a
    torch.save file stay mapped to the file until they are used, so looking at their names costs no memory.

    Args:
        path: a local file.
        unpickle: run whatever code a file of torch.save's holds: only for a file whose author is trusted.
        mapped: leave tensors in the file; what is kept for long should not depend on it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: empty, truncated, not a checkpoint, or one that would have to be unpickled.
    """
    path = Path(path)
    if path.is_dir():
        raise FileNotFoundError(f'{path}: a folder; name a checkpoint file in it')
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such checkpoint file')
    if path.stat().st_size == 0:
        raise ValueError(f'{path}: the file is empty; fetch it again')
    refuse_text(path, path)
    if path.suffix == '.safetensors':
        return _read_safetensors(path)
    if path.suffix == '.npz':
        return _read_npz(path)
    content = _read_torch(path, unpickle, mapped)
    if not isinstance(content, dict):
        raise ValueError(f'{path}: holds a {type(content).__name__}, not a dict of tensors')
    return content


def read_state_dict(path: str | Path, *, unpickle: bool = False) -> dict[str, Tensor]:
    """Read only the weights of a checkpoint: parameter name -> tensor on the CPU.

    Raises:
        FileNotFoundError, ValueError: as :func:`read_checkpoint`; also where the file holds no weights.
    """
    return state_dict_of(read_checkpoint(path, unpickle=unpickle), path)


def read_shapes(path: str | Path) -> dict[str, Tensor]:
    """Read what weights a checkpoint has, not their values: parameter name -> tensor on the meta device.

    Raises:
        FileNotFoundError, ValueError: as :func:`read_state_dict`.
    """
    path = Path(path)
    if path.suffix == '.npz' and path.is_file():  # the other kinds stay mapped to the file
        return {name: torch.empty(shape, device='meta') for name, shape in _npz_shapes(path).items()}
    return {name: value.to('meta') for name, value in read_state_dict(path).items()}


def state_dict_of(content: dict, path: str | Path) -> dict[str, Tensor]:
    """Take the weights out of what :func:`read_checkpoint` returned; data parallelism's ``module.`` goes off their names.

    Raises:
        ValueError: no weights, or a tensor that is not plain, or larger than its data.
    """
    for name in CONTAINERS:
        if isinstance(content.get(name), dict):
            content = content[name]
            break
    if not content or not all(isinstance(name, str) and isinstance(x, Tensor) for name, x in content.items()):
        raise ValueError(
            f'{path}: no weights found; its entries are {", ".join(map(str, list(content)[:5])) or "none"}'
        )
    try:
        refuse_quantised(content)
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
    for name, value in content.items():
        if value.layout != torch.strided or value.is_meta or value.is_complex():
            raise ValueError(f'{path}: {name} is sparse, complex or without data; weights are plain real tensors')
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise ValueError(f'{path}: damaged: {name} {tuple(value.shape)} is larger than its data; fetch it again')
    wrapped = all(name.startswith('module.') for name in content)
    return {name.removeprefix('module.'): value for name, value in content.items()} if wrapped else content


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


def _read_torch(path: Path, unpickle: bool, mapped: bool):
    # leaving safe_globals() takes its list off again, also what was allowed before: hand it only what was not
    wanted = [*checkpoint_globals(), Namespace]  # the command line, which DeiT, MAE and DINO keep in the file
    extra = [name for name in wanted if name not in torch.serialization.get_safe_globals()]
    try:
        mmap = (_is_plain_archive(path) and mapped) or None
        with torch.serialization.safe_globals(extra), warnings.catch_warnings():
            warnings.simplefilter('ignore', UserWarning)  # on pickle protocols; what cannot be read is an error
            return torch.load(path, map_location='cpu', weights_only=not unpickle, mmap=mmap)
    except Exception as error:  # on arbitrary bytes, the reader fails in arbitrary ways
        unsafe = any(words in str(error).lower() for words in ('unsupported global', 'unrecognized function'))
        if isinstance(error, UnpicklingError) and unsafe:
            raise ValueError(
                f'{path}: holds objects other than tensors, which can run any code when they are read, so it was not read. '
                'Ask its author for a file of tensors only; if you trust the author, '
                f'tools/convert_checkpoint.py {UNPICKLE} reads it, with your rights, and writes one'
            ) from error
        # what torch says at length, its advice to read without protection, and the number in a KeyError are left out
        reason = '' if isinstance(error, (UnpicklingError, KeyError)) else f' ({first_line(error).split(". ")[0]})'
        raise ValueError(f'{path}: not a checkpoint, or damaged{reason}; fetch it again') from error


def _is_plain_archive(path: Path) -> bool:
    """Tell whether a file is an archive whose members stand in it as they are, which is what can be mapped."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    for member in members:
        _refuse_expansion(member)
    return all(member.compress_type == zipfile.ZIP_STORED for member in members)


def _refuse_expansion(member: zipfile.ZipInfo) -> None:
    if member.file_size > EXPANSION * max(member.compress_size, 1):
        raise ValueError(f'{member.filename} would grow {EXPANSION} times and more when it is unpacked')


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)  # the library checks the sizes in its header against the file
    except SafetensorError as error:
        raise ValueError(f'{path}: not a safetensors file, or damaged ({first_line(error)}); fetch it again') from error


def _read_npz(path: Path) -> dict[str, Tensor]:
    """Read arrays, none of which may be pickled or declare more data than the archive has for it."""
    _npz_shapes(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(np.ascontiguousarray(arrays[name])) for name in arrays.files}
    except Exception as error:  # on arbitrary bytes, the reader fails in arbitrary ways
        raise _no_arrays(path, error) from error


def _npz_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Read the arrays' names and shapes."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {member.filename.removesuffix('.npy'): _shape(archive, member) for member in archive.infolist()}
    except Exception as error:  # as above
        raise _no_arrays(path, error) from error


def _no_arrays(path: Path, error: Exception) -> ValueError:
    return ValueError(f'{path}: not an .npz of plain arrays, or damaged ({first_line(error)})')


def _shape(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[int, ...]:
    """Check an array's header before its data are read."""
    _refuse_expansion(member)
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read_header(file)
        if dtype.hasobject:
            raise ValueError(f'{member.filename} holds Python objects, which are not read')
        if math.prod(shape) * dtype.itemsize != member.file_size - file.tell():
            raise ValueError(f'{member.filename} declares {shape}, which is not the size of its data')
    return shape
