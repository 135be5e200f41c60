"""What the machine lacks that a training is about to start on: packages, a GPU, folders of data."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from mmengine.device import get_device

from mmseg_vitseg.checking.findings import Finding, error
from mmseg_vitseg.checking.starting_weights import SOURCES
from mmseg_vitseg.checking.training_setup import TRAINED, Setup
from mmseg_vitseg.config.parts import Part, nested, type_name
from mmseg_vitseg.config.reading import variable_of
from mmseg_vitseg.registry import SCOPE

FETCH = {'OxfordPetDataset': 'python tools/prepare_pet.py --out'}
NOTHING = 'there is nothing to train on, or nothing to score'


def gpu_precision_on_cpu(setup: Setup) -> Iterator[Finding]:
    """The host's mixed precision, which is for GPUs; ours for the CPU is what ``--amp`` takes there."""
    wrapper = setup.cfg.get('optim_wrapper') or {}
    kind = str(wrapper.get('type'))
    if type_name(wrapper) == 'AmpOptimWrapper' and not kind.startswith(SCOPE) and get_device() == 'cpu':
        yield error(
            'optim_wrapper.type',
            f'{kind!r} on a CPU',
            why='the host has mixed precision for GPUs only',
            fix='--amp takes the one for the CPU, bfloat16, in its place',
        )


def missing_packages(setup: Setup) -> Iterator[Finding]:
    """Packages that are not there, and whose types the model names: ``mmdet`` for ``mmdet.HungarianAssigner``."""
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


def missing_folders(setup: Setup) -> Iterator[Finding]:
    """Folders of data that a training is about to read, and that are not there."""
    seen = set()
    for part in (wrapped[0] for loader in TRAINED for wrapped in setup.datasets(loader)):
        root = missing_root(part)
        if root is None or root in seen:
            continue
        seen.add(root)
        variable, fetch = variable_of(setup.cfg, root), FETCH.get(type_name(part.node))
        yield error(
            f'{part.key}.data_root',
            f'no folder {root!r}',
            why=NOTHING,
            fix=(f'{fetch} {root} fetches it, or ' if fetch else '')
            + (
                f'write {variable}=FOLDER before the command'
                if variable
                else f'name it with {part.key}.data_root=FOLDER'
            )
            + f'; {SOURCES} says what belongs in it',
        )


def missing_root(part: Part) -> str | None:
    """Return the root of a data set that should be a folder on this machine and is not there."""
    root = part.node.get('data_root')
    return root if isinstance(root, str) and root and '://' not in root and not Path(root).is_dir() else None
