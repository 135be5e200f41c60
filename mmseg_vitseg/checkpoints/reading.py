"""Reading a checkpoint file without executing anything that is in it."""

import warnings
import zipfile
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor

from mmseg_vitseg.compat import checkpoint_globals
from mmseg_vitseg.errors import first_line

# Where published checkpoints keep their weights: the host and mmpretrain, DeiT and MAE and DINO.
CONTAINERS = ('state_dict', 'model', 'teacher')


def read_checkpoint(path: str | Path) -> dict:
    """Read a .safetensors file, or a file of torch.save's, on the CPU.

    Only tensors, plain containers and what mmengine's Runner adds to them are read (``weights_only=True``). Tensors of a
    torch.save file stay mapped to the file until they are used, so looking at their names costs no memory.

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
    if path.suffix == '.safetensors':
        return _read_safetensors(path)
    # leaving safe_globals() takes its list off again, also what was allowed before: hand it only what was not
    extra = [name for name in checkpoint_globals() if name not in torch.serialization.get_safe_globals()]
    try:
        with torch.serialization.safe_globals(extra), warnings.catch_warnings():
            warnings.simplefilter('ignore', UserWarning)  # on pickle protocols; what cannot be read is an error
            content = torch.load(path, map_location='cpu', weights_only=True, mmap=zipfile.is_zipfile(path) or None)
    except UnpicklingError as error:
        if 'Unsupported global' in str(error) or 'unrecognized function' in str(error):
            raise ValueError(
                f'{path}: holds objects other than tensors, which could run code when read, so it was not read. '
                'Ask its author for a file of tensors only, or convert it where it comes from'
            ) from error
        raise ValueError(f'{path}: not a checkpoint, or damaged ({first_line(error)}); fetch it again') from error
    except Exception as error:  # on arbitrary bytes, the reader fails in arbitrary ways
        raise ValueError(f'{path}: not a checkpoint, or damaged ({first_line(error)}); fetch it again') from error
    if not isinstance(content, dict):
        raise ValueError(f'{path}: holds a {type(content).__name__}, not a dict of tensors')
    return content


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read only the weights of a checkpoint: parameter name -> tensor on the CPU.

    Raises:
        FileNotFoundError, ValueError: as :func:`read_checkpoint`; also where the file holds no weights.
    """
    return state_dict_of(read_checkpoint(path), path)


def state_dict_of(content: dict, path: str | Path) -> dict[str, Tensor]:
    """Take the weights out of what :func:`read_checkpoint` returned."""
    for name in CONTAINERS:
        if isinstance(content.get(name), dict):
            content = content[name]
            break
    if not content or not all(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(
            f'{path}: no weights found; its entries are {", ".join(map(str, list(content)[:5])) or "none"}'
        )
    return content


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f'{path}: not a safetensors file, or damaged ({first_line(error)}); fetch it again') from error
