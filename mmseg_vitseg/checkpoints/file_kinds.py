"""The three kinds of files that weights come in, told by what is in them, and read without executing anything of it."""

import math
import pathlib
import warnings
import zipfile
from argparse import Namespace
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
from torch import Tensor

from mmseg_vitseg.compat import checkpoint_globals
from mmseg_vitseg.errors import first_line

EXPANSION = 2000  # times its size that a member of an archive may unpack to: deflate reaches 1032
UNPICKLE = '--unsafe-unpickle'  # the flag of tools/convert_checkpoint.py
ZIP, PICKLE = b'PK\x03\x04', b'\x80'  # how an archive begins, and what torch.save wrote before it wrote archives
OTHERS = {b'GGUF': 'a GGUF file', b'\x89HDF': 'an HDF5 file, of Keras perhaps'}


def kind_of(path: Path) -> str:
    """Tell ``safetensors``, ``npz`` and ``torch`` (torch.save's) by the file's content; by its name where that is damaged.

    Raises:
        ValueError: a kind that is not read.
    """
    with path.open('rb') as file:
        start = file.read(9)
    for magic, what in OTHERS.items():
        if start.startswith(magic):
            raise ValueError(
                f'{path}: {what}, which is not read; allowed: .safetensors, .npz and what torch.save writes'
            )
    if start.startswith(ZIP) and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return 'npz' if all(name.endswith('.npy') for name in archive.namelist()) else 'torch'
    if start.startswith(PICKLE) and start[8:] != b'{':
        return 'torch'
    if start[8:] == b'{':  # after the length of the header
        return 'safetensors'
    return {'.safetensors': 'safetensors', '.npz': 'npz'}.get(path.suffix, 'torch')


def read_torch(path: Path, unpickle: bool, mapped: bool):
    """Read a file of torch.save's; see :func:`~mmseg_vitseg.checkpoints.reading.read_checkpoint`.

    Raises:
        ValueError: damaged, or it would have to be unpickled.
    """
    # leaving safe_globals() takes its list off again, also what was allowed before: hand it only what was not
    wanted: list = [*checkpoint_globals(), Namespace]  # the command line, which DeiT, MAE and DINO keep in the file
    # its folders, under the names that Python 3.12 and 3.13 have for them
    wanted += [(pathlib.PosixPath, f'{module}.PosixPath') for module in ('pathlib', 'pathlib._local')]
    extra = [name for name in wanted if name not in torch.serialization.get_safe_globals()]
    try:
        mmap = mapped and path.suffix != '.safetensors' and _is_plain_archive(path)
        with torch.serialization.safe_globals(extra), warnings.catch_warnings():
            warnings.simplefilter('ignore', UserWarning)  # on pickle protocols; what cannot be read is an error
            options = dict(map_location='cpu', weights_only=not unpickle)
            if mmap:
                return torch.load(path, mmap=True, **options)
            with path.open('rb') as file:  # of a name, torch takes the suffix for the kind
                return torch.load(file, **options)
    except Exception as error:  # on arbitrary bytes, the reader fails in arbitrary ways
        text = str(error).lower()
        if 'torchscript' in text:
            raise ValueError(
                f'{path}: a TorchScript program, not a checkpoint; name the checkpoint that it was made from'
            ) from error
        unsafe = any(words in text for words in ('unsupported global', 'unrecognized function'))
        if isinstance(error, UnpicklingError) and unsafe:
            raise ValueError(
                f'{path}: holds objects other than tensors, which can run any code when they are read, so it was not read. '
                'Ask its author for a file of tensors only; if you trust the author, '
                f'tools/convert_checkpoint.py {UNPICKLE} reads it, with your rights, and writes one'
            ) from error
        if isinstance(error, ModuleNotFoundError):
            raise ValueError(f'{path}: holds objects of {error.name}, which is not installed here') from error
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


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises:
        ValueError: damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)  # the library checks the sizes in its header against the file
    except SafetensorError as error:
        raise ValueError(f'{path}: not a safetensors file, or damaged ({first_line(error)}); fetch it again') from error


def read_npz(path: Path) -> dict[str, Tensor]:
    """Read arrays, none of which may be pickled or declare more data than the archive has for it.

    Raises:
        ValueError: one is or does.
    """
    npz_shapes(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(np.ascontiguousarray(arrays[name])) for name in arrays.files}
    except Exception as error:  # on arbitrary bytes, the reader fails in arbitrary ways
        raise _no_arrays(path, error) from error


def npz_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Read the arrays' names and shapes.

    Raises:
        ValueError: as :func:`read_npz`.
    """
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
