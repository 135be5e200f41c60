"""OpenMMLab's own stack, in its light form (mmcv-lite), in an environment of its own: import, registry, train, test."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vitseg_tests.paths import ROOT

REQUIREMENTS = ROOT / 'requirements/openmmlab_light.txt'

pytestmark = pytest.mark.slow

SMALL = (
    '--cfg-options',
    'model.backbone.num_layers=1',
    'train_dataloader.dataset.length=16',
    'val_dataloader.dataset.length=8',
    'test_dataloader.dataset.length=8',
    'train_cfg.max_epochs=2',
    'default_hooks.progress.num_images=2',
)


@pytest.fixture(scope='module')
def upstream_python() -> Path:
    """Make the environment once and keep it in .cache; MMSEG_VITSEG_OFFLINE=1 skips these tests."""
    if os.environ.get('MMSEG_VITSEG_OFFLINE'):
        pytest.skip('MMSEG_VITSEG_OFFLINE is set: no environment of the upstream stack can be installed')
    constraints = ROOT / 'requirements/tested.txt'
    key = hashlib.sha256(REQUIREMENTS.read_bytes() + constraints.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = ROOT / '.cache' / f'upstream-{key}'
    python = folder / 'bin/python'
    if not (folder / 'complete').is_file():
        subprocess.run([sys.executable, '-m', 'venv', '--clear', str(folder)], check=True)
        pip = [str(python), '-m', 'pip', 'install', '-q', '-c', str(constraints)]
        subprocess.run([*pip, 'torch', 'safetensors', 'packaging'], check=True)
        subprocess.run([*pip, '-r', str(REQUIREMENTS)], check=True)
        (folder / 'complete').touch()
    return python


def run(python: Path, *command, cwd: Path, check: bool = True) -> subprocess.CompletedProcess:
    env = {**os.environ, 'PYTHONPATH': str(ROOT)}
    result = subprocess.run([str(python), *map(str, command)], cwd=cwd, env=env, capture_output=True, text=True)
    assert not check or result.returncode == 0, result.stdout[-1000:] + result.stderr[-3000:]
    return result


def test_import_and_registry(upstream_python, tmp_path):
    code = (
        'import mmseg_vitseg\n'
        'from mmseg.registry import MODELS\n'
        "model = MODELS.build(dict(type='mmseg_vitseg.VisionTransformer', variant='tiny'))\n"
        'import mmseg, mmcv\n'
        "assert mmseg.__version__ == '1.2.2', mmseg.__version__\n"
    )
    run(upstream_python, '-W', 'ignore', '-c', code, cwd=tmp_path)


def test_train_resume_and_test(upstream_python, tmp_path):
    """Resume and test die on upstream by itself: torch.load's weights_only."""
    config, tools = ROOT / 'configs/quickstart.py', ROOT / 'tools'
    run(
        upstream_python, tools / 'train.py', config, '--work-dir', 'out', *SMALL, 'train_cfg.max_epochs=1', cwd=tmp_path
    )
    resumed = run(upstream_python, tools / 'train.py', config, '--work-dir', 'out', '--resume', *SMALL, cwd=tmp_path)
    assert 'resumed epoch: 1' in resumed.stdout
    tested = run(upstream_python, tools / 'test.py', config, 'out/epoch_2.pth', *SMALL, cwd=tmp_path)
    assert 'mIoU' in tested.stdout.splitlines()[-1]
