"""What a training needs of the machine that it starts on."""

from collections.abc import Iterator
from importlib.util import find_spec

from mmengine.device import get_device

from mmseg_vitseg.checking.findings import Finding, error
from mmseg_vitseg.checking.setup import Setup
from mmseg_vitseg.config.parts import nested, type_name
from mmseg_vitseg.registry import SCOPE


def check_precision(setup: Setup) -> Iterator[Finding]:
    """The host's mixed precision is for a GPU; ours for the CPU is what ``--amp`` takes there."""
    wrapper = setup.cfg.get('optim_wrapper') or {}
    kind = str(wrapper.get('type'))
    if type_name(wrapper) == 'AmpOptimWrapper' and not kind.startswith(SCOPE) and get_device() == 'cpu':
        yield error(
            'optim_wrapper.type',
            f'{kind!r} on a CPU',
            why='the host has mixed precision for GPUs only',
            fix='--amp takes the one for the CPU, bfloat16, in its place',
        )


def check_packages(setup: Setup) -> Iterator[Finding]:
    """The packages are there whose types the model names: ``mmdet`` for ``mmdet.HungarianAssigner``."""
    seen = set()
    for part in nested(setup.model.node, 'model'):
        package, _, name = str(part.node.get('type')).partition('.')
        if name and package not in seen and find_spec(package) is None:
            seen.add(package)
            yield error(
                f'{part.key}.type',
                f'{part.node["type"]!r}, and {package} is not installed',
                why='it cannot be built',
                fix=f'install {package}',
            )
