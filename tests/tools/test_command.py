"""What the tools share: what is said where something is not installed, and what the host prints about itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmseg.registry import MODELS
from torch.utils.data import DataLoader

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


@pytest.mark.parametrize('name', sorted(path.name for path in TOOLS.glob('[a-z]*.py')))
def test_without_the_environment(name, tmp_path):
    """--help works; anything else says how to install, in one line."""
    command = [sys.executable, '-S', str(TOOLS / name)]  # -S: without the installed packages
    environment = {'PATH': '', 'HOME': str(tmp_path)}
    result = subprocess.run([*command, '--help'], capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stderr) == (0, '')
    assert f'python tools/{name} ' in result.stdout, 'an example'
    needed = {
        'benchmark.py': ['x.py'],
        'check_config.py': ['x.py'],
        'compare.py': ['--a', 'x.py', 'x.pth', '--b', 'x.py', 'x.pth', '--out', 'x.png'],
        'convert_checkpoint.py': ['x.pth', 'y.pth'],
        'export.py': ['x.py', 'x.pth', '--format', 'onnx', '--out', 'x.onnx'],
        'attention.py': ['x.py', 'x.pth', 'x.jpg', '--out', 'x.png'],
        'predict.py': ['x.py', 'x.pth', 'x.jpg', '--out', 'x'],
        'prepare_pet.py': ['--out', 'x'],
        'report.py': ['x.py', 'x.pth', '--out', 'x'],
        'test.py': ['x.py', 'x.pth'],
        'train.py': ['x.py'],
        'upgrade_config.py': ['x.py', 'y.py'],
    }
    result = subprocess.run([*command, *needed[name]], cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert 'is not installed here' in line
    assert "'.[onedl]'" in line


def test_only_the_hosts_known_lines_are_left_out(tmp_path):
    (tmp_path / 'mmseg').mkdir()
    (tmp_path / 'mmseg/__init__.py').touch()
    (tmp_path / 'mmseg/datasets.py').write_text("print('Could not import OneDL')\nprint('something else')")
    environment = {**os.environ, 'PYTHONPATH': f'{tmp_path}{os.pathsep}{TOOLS}'}
    command = [sys.executable, '-c', 'import _arguments; _arguments.import_host()']
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stdout) == (0, 'something else\n'), result.stderr


@pytest.mark.parametrize(
    ('options', 'cure'),
    [(dict(persistent_workers=True), 'persistent_workers=False'), (dict(prefetch_factor=2), 'prefetch_factor=None')],
)
def test_a_loader_without_workers(tools, options, cure):
    with pytest.raises(ValueError) as info:
        DataLoader([], num_workers=0, **options)
    assert f'; beside num_workers=0, write {cure}' in tools['_command'].describe(info.value)


def test_pictures_of_different_sizes(tools):
    preprocessor = MODELS.build(dict(type='SegDataPreProcessor', size_divisor=1))
    with pytest.raises(AssertionError) as info:
        preprocessor(dict(inputs=[torch.zeros(3, 4, 4), torch.zeros(3, 4, 5)]))
    line = tools['_command'].describe(info.value)
    assert 'should be the same; pictures of different sizes' in line
    assert 'test_dataloader.batch_size=1' in line
