"""The package's rooms stand on floors: an import goes down, or within a floor to a room named before."""

import ast
from collections.abc import Iterator
from pathlib import Path

from vitseg_tests.paths import ROOT

PACKAGE = ROOT / 'mmseg_vitseg'
FLOORS = (
    'errors compat host_messages host_imports terminal atomic download machine architectures labels registry ops pictures',
    'config datasets checkpoints',
    'models',
    'evaluation engine converting inference upgrading caching',
    'inspecting exporting benchmark checking reporting',
    'cli __main__',
)
ORDER = ['mmseg_vitseg', *' '.join(FLOORS).split()]
MODULES = {'.'.join(file.relative_to(PACKAGE.parent).with_suffix('').parts): file for file in PACKAGE.rglob('*.py')}


def imported(file: Path) -> Iterator[tuple[str, bool]]:
    """Yield the modules of this package that a file imports, and whether it does so inside a function."""
    tree = ast.parse(file.read_text())
    at_top = set(map(id, ast.iter_child_nodes(tree)))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f'{file}: imports of this package are written with its name'
            names = [f'{node.module}.{alias.name}' for alias in node.names]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            found = name if name in MODULES else name.rpartition('.')[0]
            if name.partition('.')[0] == 'mmseg_vitseg':
                yield found, id(node) not in at_top


def room(module: str) -> str:
    return next(iter(module.split('.')[1:2]), 'mmseg_vitseg').replace('__init__', 'mmseg_vitseg')


def needs_triton(module: str) -> bool:
    return 'import triton\n' in MODULES[module].read_text()


def test_imports_go_down():
    up = [
        f'{module} imports {name}'
        for module, file in MODULES.items()
        for name, _ in imported(file)
        if room(module) != 'mmseg_vitseg' and ORDER.index(room(name)) > ORDER.index(room(module))
    ]
    assert not up, up


def test_no_circle():
    """No file imports itself through others, at the top or inside a function."""
    arrows = {module: {name for name, _ in imported(file)} - {module} for module, file in MODULES.items()}
    while leaves := [module for module, names in arrows.items() if not names & arrows.keys()]:
        for module in leaves:
            del arrows[module]
    assert not arrows, f'in a circle, or above one: {", ".join(arrows)}'


def test_imports_stand_at_the_top():
    """What is imported inside a function is heavy or optional, so none of ours, but for the kernels, which import triton;
    the command line is quick to say --help.
    """
    inside = [
        f'{module} imports {name}'
        for module, file in MODULES.items()
        for name, nested in imported(file)
        if nested and room(module) != 'cli' and not needs_triton(name)
    ]
    assert not inside, inside
