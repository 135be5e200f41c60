"""Where a model comes from and what it ran on."""

import platform
from datetime import datetime
from pathlib import Path

import mmcv
import mmengine
from safetensors import safe_open
from torch import nn

import mmseg_vitseg
from mmseg_vitseg.checkpoints.file_kinds import kind_of
from mmseg_vitseg.checkpoints.reading import read_checkpoint
from mmseg_vitseg.checkpoints.sharded import files_of
from mmseg_vitseg.download import digest
from mmseg_vitseg.machine import circumstances

# What the host's Runner writes beside the weights, and what it is called here.
META = dict(
    epoch='epochs trained',
    iter='iterations trained',
    time='written',
    experiment_name='experiment',
    seed='seed',
    mmseg_version='trained with mmseg',
    mmengine_version='trained with mmengine',
)


def describe_checkpoint(path: Path, model: nn.Module) -> dict[str, str]:
    """Return what a checkpoint file is, and what it says about itself.

    Args:
        path: a local file.
        model: which was loaded from it.
    """
    status = path.stat()
    meta = _meta(path)
    return {
        'file': str(path),
        'size': f'{status.st_size / 2**20:.1f} MiB',
        'changed': datetime.fromtimestamp(status.st_mtime).strftime('%Y-%m-%d %H:%M'),
        'SHA-256': ', '.join(map(digest, files_of(path))),
        'parameters of the model': f'{sum(parameter.numel() for parameter in model.parameters()):,}',
        **{text: str(meta[name]) for name, text in META.items() if meta.get(name) is not None},
        **{name.replace('_', ' '): str(value) for name, value in meta.get('provenance', {}).items() if value},
    }


def _meta(path: Path) -> dict:
    """Return what stands beside the weights; ``provenance`` is what tools/convert_checkpoint.py wrote."""
    if path.suffix != '.json' and kind_of(path) == 'safetensors':
        with safe_open(path, 'pt') as file:
            return dict(provenance=file.metadata() or {})
    meta = read_checkpoint(path).get('meta')
    return meta if isinstance(meta, dict) else {}


def environment(device: str) -> dict[str, str]:
    """Return the machine and the versions that a report was made with."""
    return {
        'made': datetime.now().strftime('%Y-%m-%d %H:%M'),
        **{name: str(value) for name, value in circumstances(device).items()},
        'mmengine': mmengine.__version__,
        'mmcv': mmcv.__version__,
        'mmseg_vitseg': mmseg_vitseg.__version__,
        'Python': platform.python_version(),
        'system': platform.platform(),
    }
