"""Host stacks that are missing or do not fit: simulated by what importlib.metadata answers."""

import subprocess
import sys
from importlib import metadata, util

import pytest
import torch

from mmseg_vitseg import compat

FORKS = {'onedl-mmsegmentation': '1.4.2', 'onedl-mmcv': '2.3.6', 'onedl-mmengine': '0.10.12'}
UPSTREAM = {'mmsegmentation': '1.2.2', 'mmcv': '2.1.0', 'mmengine': '0.10.7'}


@pytest.fixture
def install(monkeypatch):
    """Make exactly these distributions look installed."""

    def set_installed(versions: dict[str, str]) -> None:
        def version(name):
            if name not in versions:
                raise metadata.PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(metadata, 'version', version)

    return set_installed


@pytest.mark.parametrize(
    'versions', [FORKS, UPSTREAM, {**UPSTREAM, 'mmcv': '2.0.1'}, {'mmcv-lite': '2.1.0', **UPSTREAM, 'mmcv': '2.1.0'}]
)
def test_fitting_stacks(install, versions):
    install(versions)
    compat.check_host()


@pytest.mark.parametrize(
    ('versions', 'words'),
    [
        ({**FORKS, 'onedl-mmcv': '2.2.0'}, ['onedl-mmcv is 2.2.0', 'onedl-mmcv>=2.3.6', "pip install 'onedl-mmengine"]),
        ({'onedl-mmsegmentation': '1.4.2'}, ['onedl-mmcv is not installed', 'onedl-mmengine is not installed']),
        ({**UPSTREAM, 'mmcv': '2.2.0'}, ['mmcv is 2.2.0', '<2.2.0', 'pip install mmengine==0.10.7 mmcv-lite==2.1.0']),
        ({**FORKS, **UPSTREAM}, ['both installed', 'pip uninstall']),
    ],
)
def test_what_does_not_fit_is_one_message(install, versions, words):
    install(versions)
    with pytest.raises(compat.HostStackError) as info:
        compat.check_host()
    for word in words:
        assert word in str(info.value)
    assert '\n' not in str(info.value)


def test_no_host(install, monkeypatch):
    install({})
    compat.check_host()  # mmseg can be imported, if from a source checkout: no metadata to judge it by
    monkeypatch.setattr(util, 'find_spec', lambda name: None)
    with pytest.raises(
        compat.HostStackError, match=r"which is not installed\. Run: pip install 'onedl-mmengine>=0\.10\.12'"
    ):
        compat.check_host()


def test_forks_are_left_alone(install):
    install(FORKS)
    before = set(torch.serialization.get_safe_globals())
    compat.supply_operators()
    compat.allow_checkpoints()
    assert set(torch.serialization.get_safe_globals()) == before
    assert not isinstance(sys.modules.get('mmcv._ext'), compat.MissingOperators)


def test_missing_operators_say_so_when_called(install, monkeypatch):
    install({**UPSTREAM, 'mmcv-lite': '2.1.0'})
    monkeypatch.delitem(sys.modules, 'mmcv._ext', raising=False)
    compat.supply_operators()
    assert 'mmcv._ext' not in sys.modules  # the compiled mmcv is there

    install({'mmsegmentation': '1.2.2', 'mmengine': '0.10.7', 'mmcv-lite': '2.1.0'})
    monkeypatch.setitem(sys.modules, 'mmcv._ext', compat.MissingOperators('mmcv._ext'))
    compat.supply_operators()
    with pytest.raises(NotImplementedError, match="without compiled operators, so 'deform_conv'"):
        sys.modules['mmcv._ext'].deform_conv()
    assert not hasattr(sys.modules['mmcv._ext'], '__path__')


def test_import_is_light():
    code = "import sys, mmseg_vitseg; assert not {'torch', 'mmengine', 'mmcv', 'mmseg'} & set(sys.modules)"
    subprocess.run([sys.executable, '-c', code], check=True)


def test_import_without_a_host_ends_in_one_clear_line(tmp_path):
    """Simulated: the metadata of every distribution hidden, and mmseg itself."""
    code = (
        'import sys, importlib.metadata as m\n'
        'def absent(name): raise m.PackageNotFoundError(name)\n'
        'm.version = absent\n'
        'import importlib.util as u\n'
        'u.find_spec = lambda name: None\n'
        'import mmseg_vitseg\n'
    )
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1].startswith('mmseg_vitseg.compat.HostStackError: mmseg_vitseg needs')
