"""A wheel, installed where there is no clone: the command, its configs, and a config by its name."""

import shutil
import subprocess
import sys
import zipfile
from importlib import metadata

import pytest

from vitseg_tests.paths import ROOT


@pytest.fixture(scope='module')
def wheels(tmp_path_factory):
    """A wheel that is built in the tree, where a file of an earlier build lies, and one of a source distribution."""
    # not find_spec: setuptools takes a search for pip for a reason to replace distutils
    if not {'pip', 'setuptools'} <= {one.name for one in metadata.distributions()}:
        pytest.skip('no wheel can be built: pip and setuptools are needed')
    source, folder = tmp_path_factory.mktemp('source'), tmp_path_factory.mktemp('wheels')
    for name in ('mmseg_vitseg', 'configs'):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns('__pycache__'))
    for name in ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE'):
        shutil.copy(ROOT / name, source)
    earlier = source / 'build/lib/mmseg_vitseg/removed.py'
    earlier.parent.mkdir(parents=True)
    earlier.write_text('')
    for command in ('bdist_wheel', 'sdist'):
        subprocess.run(
            [sys.executable, 'setup.py', '-q', command, '-d', folder / 'direct'],
            cwd=source,
            check=True,
            capture_output=True,
        )
    (direct,) = folder.glob('direct/*.whl')
    (packed,) = folder.glob('direct/*.tar.gz')
    command = [sys.executable, '-m', 'pip', 'wheel', '--no-deps', '--no-build-isolation', '-q', '-w', folder, packed]
    subprocess.run(command, check=True, capture_output=True)
    return direct, folder / direct.name


@pytest.fixture(scope='module')
def installed(wheels, tmp_path_factory):
    """The files, in a folder, of the wheel of a source distribution."""
    folder = tmp_path_factory.mktemp('installed')
    with zipfile.ZipFile(wheels[1]) as archive:
        archive.extractall(folder)
    return folder


def test_both_wheels_are_equal(wheels):
    sums = []
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            sums.append({file.filename: file.CRC for file in archive.infolist()})
    assert sums[0] == sums[1]
    assert 'mmseg_vitseg/removed.py' not in sums[0]


def run(installed, folder, *arguments) -> subprocess.CompletedProcess:
    """Run the command in a folder, as the script does that pip makes of the entry point."""
    code = f'import sys; sys.path.insert(0, {str(installed)!r})\nfrom mmseg_vitseg.cli.command import main\nmain()'
    script = folder / 'mmseg-vitseg'
    script.write_text(code)
    return subprocess.run([sys.executable, script, *arguments], cwd=folder, capture_output=True, text=True)


def test_the_command_is_installed(installed):
    (entries,) = installed.glob('*.dist-info/entry_points.txt')
    assert 'mmseg-vitseg = mmseg_vitseg.cli.command:main' in entries.read_text()


def test_the_configs_are_in_it(installed):
    shipped = installed / 'mmseg_vitseg/.mim/configs'
    files = [{path.relative_to(folder) for path in folder.rglob('*.py')} for folder in (shipped, ROOT / 'configs')]
    assert files[0] == files[1]


def test_configs_are_found_and_copied(installed, tmp_path):
    listed = run(installed, tmp_path, 'configs')
    assert (listed.returncode, listed.stderr) == (0, '')
    assert len(listed.stdout.splitlines()) == len(list((ROOT / 'configs').glob('*.py')))
    assert run(installed, tmp_path, 'configs', '--copy', 'mine').returncode == 0
    assert (tmp_path / 'mine/quickstart.py').read_text() == (ROOT / 'configs/quickstart.py').read_text()


def test_a_config_by_its_name(installed, tmp_path):
    found = run(installed, tmp_path, 'check_config', 'quickstart')
    assert (found.returncode, found.stdout, found.stderr) == (0, 'quickstart: nothing found\n', '')
