"""What all tests share: where things are, which data there is, the project's tools as processes."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

os.environ['OMP_NUM_THREADS'] = '1'  # tests run side by side, a process a core; read when torch is imported

import pytest
import torch
from mmengine.registry import init_default_scope

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / 'shared'

with warnings.catch_warnings():  # what the host says while it is imported is not ours to mend
    warnings.simplefilter('ignore')
    import mmseg.models  # noqa: F401

    import mmseg_vitseg.registry  # noqa: F401

init_default_scope('mmseg')  # as the Runner does from a config's default_scope


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def _same(one, other) -> bool:
    """Compare nested containers of tensors, bit for bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return one == other


@pytest.fixture(scope='session')
def same():
    return _same


@pytest.fixture(scope='module')
def short_strips():
    """Strips of a few rows, of small maps too."""
    from mmseg_vitseg.ops import resampling

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(resampling.STRIP_BYTES, 'cpu', 300)
        patch.setattr(resampling, 'COLUMN_BLOCK', 4)
        yield


@pytest.fixture
def pet_root() -> Path:
    root = Path(os.environ.get('PET_ROOT', SHARED / 'data/oxford_pet_subset'))
    if not root.is_dir():
        pytest.skip(f'no Oxford-IIIT Pet data at {root} (set PET_ROOT)')
    return root


@pytest.fixture
def pretrained_vit() -> Path:
    path = SHARED / 'weights/vits14_imgfocus_fp16.safetensors'
    if not path.is_file():
        pytest.skip(f'no pretrained ViT-S/14 at {path}')
    return path


@pytest.fixture
def run_tool(tmp_path):
    """Run tools/NAME.py as a process in an empty folder: returns the finished process, its output as text."""

    def run(name: str, *args, check: bool = True, env: dict | None = None, timeout: float = 300):
        result = subprocess.run(
            [sys.executable, str(ROOT / 'tools' / name), *map(str, args)],
            cwd=tmp_path,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert not check or result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
        return result

    return run


@pytest.fixture
def config_path():
    return lambda name: ROOT / 'configs' / f'{name}.py'


@pytest.fixture
def check_user_error():
    """Check that a finished tool refused with exit status 2 and one line on stderr that says each of the words."""

    def check(result: subprocess.CompletedProcess, *words: str) -> None:
        lines = result.stderr.strip().splitlines()
        assert result.returncode == 2, (result.returncode, result.stderr)
        assert len(lines) == 1, result.stderr
        for word in words:
            assert word in lines[0]

    return check
