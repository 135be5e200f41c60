"""The folders of data."""

from collections.abc import Iterator
from pathlib import Path

from mmseg_vitseg.checking.findings import Finding, error
from mmseg_vitseg.checking.setup import TRAINED, Setup
from mmseg_vitseg.checking.starting_weights import SOURCES
from mmseg_vitseg.config.parts import Part, type_name
from mmseg_vitseg.config.reading import variable_of

FETCH = {'OxfordPetDataset': 'python tools/prepare_pet.py --out'}
NOTHING = 'there is nothing to train on, or nothing to score'


def check_roots(setup: Setup) -> Iterator[Finding]:
    """The folders of data that a training is about to read are there."""
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
