"""Lint and types are part of the tests, so that there is one check command."""

import subprocess
import sys

import pytest

from vitseg_tests.paths import ROOT


@pytest.mark.parametrize('command', [['check'], ['format', '--check']])
def test_ruff(command):
    pytest.importorskip('ruff', reason='ruff is not installed; it comes with the extra [dev]')
    result = subprocess.run([sys.executable, '-m', 'ruff', *command, '.'], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_mypy():
    pytest.importorskip('mypy', reason='mypy is not installed; it comes with the extra [dev]')
    result = subprocess.run([sys.executable, '-m', 'mypy'], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_shell_scripts_parse():
    for script in [*ROOT.glob('tools/*.sh'), ROOT / '.ci/run']:
        assert subprocess.run(['bash', '-n', str(script)]).returncode == 0, script
