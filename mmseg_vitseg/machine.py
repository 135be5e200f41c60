"""The machine that something runs on, and the versions there."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import mmseg
import torch

MATMUL_PRECISIONS = ('highest', 'high', 'medium')  # torch's; the first is its default

_STANDS_FOR = {'meta': 'cuda'}  # no ContextVar, which torch.compile cannot read


def as_on_cuda(device: torch.device) -> bool:
    """Tell whether work is done in the way that suits CUDA: there, and on the meta device.

    That one computes nothing; what runs on it is what a CUDA device would be asked to do, and is counted
    (``benchmark/counting``), unless it stands for another device.
    """
    return _STANDS_FOR.get(device.type, device.type) == 'cuda'


@contextmanager
def meta_as(device: torch.device) -> Iterator[None]:
    """Let the meta device stand for another one for a while."""
    before, _STANDS_FOR['meta'] = _STANDS_FOR['meta'], device.type
    try:
        yield
    finally:
        _STANDS_FOR['meta'] = before


def without_autocast(device: torch.device) -> AbstractContextManager:
    """Turn autocast off for a while; the meta device, which has none, does as CUDA's says (``benchmark/counting``)."""
    return torch.autocast('cuda' if device.type == 'meta' else device.type, enabled=False)


def describe_device(device: str) -> str:
    """Return a device and what it is."""
    if torch.device(device).type == 'cuda':
        return f'{device} ({torch.cuda.get_device_name(device)})'
    if torch.device(device).type == 'meta':
        return device
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        return device
    names = {line.partition(':')[2].strip() for line in lines if line.startswith('model name')}
    cores = sum(line.startswith('processor') for line in lines)
    return f'{device} ({", ".join(sorted(names))}, {cores} cores)' if names else device


def set_matmul_precision(precision: str) -> None:
    """Have torch multiply float32 matrices in this precision, in this process.

    Raises:
        ValueError: torch has no such precision.
    """
    if precision not in MATMUL_PRECISIONS:
        allowed = ', '.join(map(repr, MATMUL_PRECISIONS))
        raise ValueError(f'float32_matmul_precision={precision!r}; allowed: {allowed}; the first one is the default')
    torch.set_float32_matmul_precision(precision)


def circumstances(device: str) -> dict:
    """Return the machine and the versions; the precision of products where it is not torch's default."""
    precision = torch.get_float32_matmul_precision()
    return dict(
        device=describe_device(device),
        torch=torch.__version__,
        mmseg=mmseg.__version__,
        threads=torch.get_num_threads(),
        **({} if precision == MATMUL_PRECISIONS[0] else dict(float32_matmul_precision=precision)),
    )
