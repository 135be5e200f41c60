"""What surrounds the package: imports are declared, the version is one, workflows run what the texts say."""

import ast
import re
import shlex
import sys

import pytest

from mmseg_vitseg import __version__, compat
from vitseg_tests.paths import ROOT

yaml = pytest.importorskip('yaml', reason='PyYAML is not installed; the host brings it')

DISTRIBUTIONS = {'PIL': 'pillow'}  # import name -> distribution, where they differ
HOST = {'mmengine', 'mmcv', 'mmseg', 'cv2'}  # the two stacks are extras, and bring cv2 in one of its distributions
OPTIONAL = {'huggingface_hub', 'transformers', 'triton'}  # asked for by a message, or else done without
STATEMENTS = ast.parse((ROOT / 'setup.py').read_text()).body
(SETUP,) = (one.value for one in STATEMENTS if isinstance(one, ast.Expr) and isinstance(one.value, ast.Call))
WORKFLOWS = sorted((ROOT / '.github/workflows').glob('*.yml'))


def strings(name: str) -> list[str]:
    """The strings in an argument of setup()."""
    (value,) = (keyword.value for keyword in SETUP.keywords if keyword.arg == name)
    return [node.value for node in ast.walk(value) if isinstance(node, ast.Constant)]


def imports(nested: bool) -> set[str]:
    found = set()
    for file in (ROOT / 'mmseg_vitseg').rglob('*.py'):
        tree = ast.parse(file.read_text())
        for node in ast.walk(tree) if nested else tree.body:
            if isinstance(node, ast.Import):
                found |= {alias.name.partition('.')[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module.partition('.')[0])
    return found - set(sys.stdlib_module_names) - {'mmseg_vitseg'}


def declared(name: str) -> set[str]:
    return {re.split(r'[<>=;\[ ]', one)[0].lower() for one in strings(name)}


def distributions(names: set[str]) -> set[str]:
    return {DISTRIBUTIONS.get(name, name) for name in names}


def test_what_is_imported_is_declared():
    needed = distributions(imports(nested=False) - HOST - OPTIONAL)
    assert needed - declared('install_requires') == set()
    constants = (ROOT / 'setup.py').read_text().partition('class ')[0].lower()  # EXPORT, GEO, COCO
    others = distributions(imports(nested=True) - HOST - OPTIONAL) - declared('install_requires')
    assert {name for name in others if name not in constants} == set()


def test_nothing_is_declared_that_is_not_imported():
    assert declared('install_requires') - distributions(imports(nested=True)) == set()


def test_one_version():
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert citation['version'] == __version__
    assert citation['license'] == strings('license')[0]
    latest = re.search(r'^## (\S+) \((.+)\)$', (ROOT / 'CHANGELOG.md').read_text(), re.M)
    assert latest[1] == __version__
    assert latest[2] == str(citation.get('date-released', 'not yet released'))


def test_one_oldest_python():
    (oldest,) = strings('python_requires')
    (target,) = re.findall(r'^target-version = "(.+)"$', (ROOT / 'pyproject.toml').read_text(), re.M)
    assert target == oldest.replace('>=3.', 'py3')


def test_host_versions_are_those_that_are_checked():
    extras = strings('extras_require')
    for package, oldest, _ in compat.ONEDL.values():
        assert f'{package}>={oldest}' in extras and f"'{package}>={oldest}'" in compat.ONEDL_COMMAND
    light = (ROOT / 'requirements/openmmlab_light.txt').read_text().split('\n', 1)[1].split()
    assert light == shlex.split(compat.OPENMMLAB_COMMAND.partition('pip install ')[2])
    assert set(light) - set(extras) == {'mmcv-lite==2.1.0'}  # the extra takes mmcv itself


def test_types_are_shipped():
    assert 'py.typed' in strings('package_data')
    assert (ROOT / 'mmseg_vitseg/py.typed').is_file()


@pytest.mark.parametrize('path', WORKFLOWS, ids=lambda path: path.stem)
def test_workflows(path):
    jobs = yaml.safe_load(path.read_text())['jobs'].values()
    steps = [step for job in jobs for step in job['steps']]
    assert steps[0]['uses'].startswith('actions/checkout@')
    for command in (step['run'] for step in steps if 'run' in step):
        for extras in re.findall(r"-e '\.\[([\w,]+)\]'", command):
            assert set(extras.split(',')) <= set(strings('extras_require')), command
        if command.startswith('.'):
            assert (ROOT / command).is_file(), command


def test_every_form_asks_what_is_needed():
    form = yaml.safe_load((ROOT / '.github/ISSUE_TEMPLATE/bug.yml').read_text())
    asked = {part['id'] for part in form['body'] if part.get('validations', {}).get('required')}
    assert asked == {'doctor', 'command', 'config', 'log'}
