"""The machine: versions, and what its memory, its products and a launch take."""

import sys
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec

import mmcv
import mmengine
import mmseg
import torch

import mmseg_vitseg
from gpu.session import Session, precision
from mmseg_vitseg.benchmark.timing import time_in_turn
from mmseg_vitseg.machine import describe_device
from mmseg_vitseg.ops.fused.setting import is_fused

LAUNCHES = 1000


def run(session: Session) -> None:
    """Write them."""
    versions(session)
    for measure in (copying, products, launching):
        session.attempt(measure.__name__, partial(measure, session))


def versions(session: Session) -> None:
    """What runs here, and whether our kernels are used."""
    found = {
        'device': describe_device(session.device),
        'capability': '.'.join(map(str, torch.cuda.get_device_capability())) if session.on_gpu else None,
        'torch': torch.__version__,
        'CUDA': torch.version.cuda,
        'cuDNN': torch.backends.cudnn.version() if torch.backends.cudnn.is_available() else None,
        'triton': version('triton') if find_spec('triton') else 'not installed',
        'our kernels': 'used' if is_fused(torch.zeros(1, device=session.device)) else 'not used',
        'python': sys.version.split()[0],
        'numpy': version('numpy'),
        'mmengine, mmcv, mmseg': ', '.join(module.__version__ for module in (mmengine, mmcv, mmseg)),
        'mmseg_vitseg': mmseg_vitseg.__version__,
    }
    for what, value in found.items():
        session.row(what, value=value or 'none')


def copying(session: Session) -> None:
    """Bytes read and written in a second."""
    source = torch.randn(2**22 if session.quick else 2**29, device=session.device)
    target = torch.empty_like(source)
    milliseconds = fastest(session, lambda: target.copy_(source))
    session.row('copy', value=2 * source.numel() * source.element_size() / milliseconds / 1e9, unit='TB/s')


def products(session: Session) -> None:
    """Operations of a square product in a second, a multiplication and its addition as two."""
    n = 256 if session.quick else 8192
    for kind in ('float32', 'tf32', 'bfloat16'):
        dtype = torch.bfloat16 if kind == 'bfloat16' else torch.float32
        one, other = (torch.randn(n, n, device=session.device, dtype=dtype) for _ in range(2))
        with precision(kind):
            milliseconds = fastest(session, partial(torch.mm, one, other))
        session.row(f'product, {kind}', value=2 * n**3 / milliseconds / 1e9, unit='TFLOP/s')


def launching(session: Session) -> None:
    """How long a kernel takes that does nothing: below this no step of so many launches can go."""
    tiny = torch.zeros(8, device=session.device)

    def many() -> None:
        for _ in range(LAUNCHES):
            tiny.add_(1)

    session.row('launch', value=1e3 * fastest(session, many) / LAUNCHES, unit='us')


def fastest(session: Session, step) -> float:
    """Return the smallest of several times, in ms."""
    times, failed = time_in_turn(dict(step=step), session.device, repeats=2 if session.quick else 5)
    if failed:
        raise RuntimeError(failed['step'])
    return min(times['step'])
