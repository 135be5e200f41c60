"""What is installed here and where data are looked for: a line each, and what to do.

A line is ``ok``; ``optional``, where only some commands or models need what is missing; or ``wrong``.
"""

import os
import platform
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import NamedTuple

from mmseg_vitseg import __version__
from mmseg_vitseg.compat import ALTERNATIVE, ONEDL, OPENMMLAB, check_host, host_stack, installed_version
from mmseg_vitseg.config.shipped import data_roots

FINE, OPTIONAL, WRONG = 'ok', 'optional', 'wrong'
CPUS = Path('/proc/cpuinfo')
# Whose versions explain an error.
LIBRARIES = ('numpy', 'opencv-python', 'opencv-python-headless', 'pillow', 'onnx', 'onnxruntime', 'transformers')
# What some commands need besides: the packages, and what for.
EXTRAS = {
    ('onnx', 'onnxscript', 'onnxruntime'): 'export --format onnx',
    ('rasterio',): 'TIFF of any bands, and scenes',
    ('pycocotools',): "COCO's masks, and predict --format coco",
    ('transformers',): 'benchmark --against hf',
    ('huggingface_hub',): 'checkpoints at hf://owner/name',
}


class Line(NamedTuple):
    """What was looked at, how it is, and what to do about it."""

    name: str
    state: str
    found: str
    do: str = ''


def versions() -> Iterator[Line]:
    """Look at what everything runs on."""
    yield Line('mmseg_vitseg', FINE, __version__)
    torch = installed_version('torch')
    yield Line('torch', FINE, torch) if torch else Line('torch', WRONG, 'not installed', "pip install 'torch>=2.5'")
    yield Line('Python', FINE, f'{platform.python_version()} ({sys.executable}), {platform.platform(terse=True)}')
    found = {name: installed_version(name) for name in LIBRARIES}
    yield Line('libraries', FINE, ', '.join(f'{name} {version}' for name, version in found.items() if version))


def host() -> Line:
    """Look at MMSegmentation and its packages."""
    try:
        check_host()
        stack = host_stack()
    except ImportError as error:
        return Line('MMSegmentation', WRONG, str(error))
    if stack is None:
        return Line('MMSegmentation', FINE, 'a source checkout on the path')
    names = [name for name, *_ in (ONEDL if stack == 'onedl' else OPENMMLAB).values()]
    found = {name: installed_version(name) for name in (*names, *ALTERNATIVE.values())}
    return Line('MMSegmentation', FINE, ', '.join(f'{name} {version}' for name, version in found.items() if version))


def operators() -> Line:
    """Look for mmcv's compiled operators."""
    spec = util.find_spec('mmcv')
    compiled = spec is not None and spec.origin is not None and any(Path(spec.origin).parent.glob('_ext*'))
    if compiled:
        return Line('mmcv operators', FINE, 'compiled')
    return Line(
        'mmcv operators', OPTIONAL, "none: our models need none, some of the host's do", 'install a compiled mmcv'
    )


def device() -> Line:
    """Look for GPUs."""
    try:
        import torch
    except ImportError as error:
        return Line('device', WRONG, f'torch cannot be imported: {error}')
    if torch.cuda.is_available():
        names = Counter(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
        listed = ', '.join(f'{count} x {name}' if count > 1 else name for name, count in names.items())
        triton = installed_version('triton')
        missing = '' if triton else 'pip install triton: our kernels need it'
        return Line('device', FINE, f'CUDA {torch.version.cuda}: {listed}; triton {triton or "is missing"}', missing)
    built = (
        f'torch is built for CUDA {torch.version.cuda}, and finds no GPU' if torch.version.cuda else 'torch for the CPU'
    )
    return Line('device', FINE, f'CPU, {torch.get_num_threads()} threads; {built}', faster_layers())


def faster_layers() -> str:
    """Return how linear layers are made faster, on a processor of AMD's (ops/linear.py)."""
    from mmseg_vitseg.ops.linear import VARIABLE  # imports torch

    if VARIABLE in os.environ or not CPUS.is_file() or 'AuthenticAMD' not in CPUS.read_text():
        return ''
    return f'{VARIABLE}=1 makes linear layers faster on this processor, in float32'


def extras() -> Iterator[Line]:
    """Look for what some commands need besides."""
    for packages, purpose in EXTRAS.items():
        missing = [name for name in packages if util.find_spec(name) is None]
        if missing:
            yield Line(missing[0], OPTIONAL, 'not installed', f'for {purpose}: pip install {" ".join(missing)}')
        else:
            yield Line(packages[0], FINE, f'for {purpose}')


def data() -> Iterator[Line]:
    """Look for the data sets that our configs name."""
    for name, default in data_roots().items():
        folder = Path(os.environ.get(name, default))
        where = f'{folder}' if name in os.environ else f'not set; {folder}'
        if folder.is_dir():
            yield Line(name, FINE, where)
        else:
            state = WRONG if name in os.environ else OPTIONAL
            yield Line(name, state, f'{where} is no folder', f'{name}=FOLDER says where the data set is')


def temporary_files() -> Line:
    """Look whether temporary files can be written: the host reads configs by way of them."""
    return writable('temporary files', None, 'TMPDIR=FOLDER names one that can be written to')


def downloads() -> Iterator[Line]:
    """Look whether checkpoints that are downloaded can be kept."""
    if util.find_spec('torch'):
        from torch.hub import get_dir

        yield writable('downloads', Path(get_dir()), 'TORCH_HOME=FOLDER names one that can be written to')


def writable(name: str, folder: Path | None, do: str) -> Line:
    """Look whether a folder, or the one in which it would be made, can be written to; None: that of temporary files."""
    try:
        there = folder and next(one for one in (folder, *folder.absolute().parents) if one.is_dir())
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b'x')
        free = shutil.disk_usage(there or tempfile.gettempdir()).free
    except OSError as error:
        return Line(name, WRONG, str(error), do)
    return Line(name, FINE, f'{folder or tempfile.gettempdir()}, {free / 1e9:.1f} GB free')
