"""The machine that something runs on, and the versions there."""

from pathlib import Path

import mmseg
import torch


def describe_device(device: str) -> str:
    """Return a device and what it is."""
    if torch.device(device).type == 'cuda':
        return f'{device} ({torch.cuda.get_device_name(device)})'
    try:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
    except OSError:
        return device
    names = {line.partition(':')[2].strip() for line in lines if line.startswith('model name')}
    cores = sum(line.startswith('processor') for line in lines)
    return f'{device} ({", ".join(sorted(names))}, {cores} cores)' if names else device


def circumstances(device: str) -> dict:
    """Return the machine and the versions."""
    return dict(
        device=describe_device(device),
        torch=torch.__version__,
        mmseg=mmseg.__version__,
        threads=torch.get_num_threads(),
    )
