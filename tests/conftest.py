"""What all tests share: where things are, which data there is, the project's tools as processes."""

import logging
import os
import shlex
import signal
import subprocess
import sys
import warnings
from pathlib import Path

os.environ['OMP_NUM_THREADS'] = '1'  # tests run side by side, a process a core; read when torch is imported

import pytest
import torch
from mmengine.registry import init_default_scope

from vitseg_tests.paths import ROOT

with warnings.catch_warnings():  # what the host says while it is imported is not ours to mend
    warnings.simplefilter('ignore')
    import mmseg.models  # noqa: F401

    import mmseg_vitseg.registry  # noqa: F401
    from mmseg_vitseg.cli.command import main, run_tool
    from vitseg_tests.commands import Finished, forget

init_default_scope('mmseg')  # as the Runner does from a config's default_scope


# what configs read too; tests of configs mean the file that a config names itself
NAMED = {name: os.environ.get(name, '') for name in ('PET_ROOT', 'CAMVID_ROOT', 'PRETRAINED')}


@pytest.fixture(scope='session', autouse=True)
def no_other_pretrained_weights():
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv('PRETRAINED', raising=False)
        yield


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def strict_float32(request, monkeypatch):
    """Tests on a GPU compare with the CPU's float32; torch by default convolves in TF32 there, products apart."""
    if request.node.get_closest_marker('gpu'):
        monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)


@pytest.fixture(scope='module')
def short_strips():
    """Strips of a few rows, of small maps too."""
    from mmseg_vitseg.ops import resampling

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(resampling.STRIP_BYTES, 'cpu', 300)
        patch.setattr(resampling, 'COLUMN_BLOCK', 4)
        yield


def _named(variable: str, what: str) -> Path:
    """Return what a variable of the environment names; the test is skipped where there is nothing."""
    path = Path(NAMED[variable] or 'unset')
    if not path.exists():
        pytest.skip(f'{variable} does not name {what}: {path}')
    return path


@pytest.fixture
def pet_root() -> Path:
    return _named('PET_ROOT', 'a folder of Oxford-IIIT Pet')


@pytest.fixture
def camvid_root() -> Path:
    return _named('CAMVID_ROOT', 'a folder of CamVid')


@pytest.fixture
def pretrained_vit() -> Path:
    return _named('PRETRAINED', 'the weights of a ViT-S/14')


@pytest.fixture(name='run_tool')
def run_tool_in_a_process(tmp_path):
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
def quick_host(monkeypatch):
    """Trainings without what the host takes half a second each for: its log's lines on the machine, layout of its config."""
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, True))


@pytest.fixture
def call(monkeypatch, capsys, quick_host):
    """Run a command line, ``predict small.py small.pth photo.png --out out``, as a clone's tools/predict.py does, or with
    ``mmseg-vitseg`` before it as the installed command; a process a case would take minutes.
    """
    for hook in ('excepthook', 'unraisablehook'):  # which a command replaces
        monkeypatch.setattr(sys, hook, getattr(sys, hook))

    def run(line: str) -> Finished:
        name, *arguments = shlex.split(line)
        installed = name == 'mmseg-vitseg'
        monkeypatch.setattr(sys, 'argv', [f'/bin/{name}' if installed else f'tools/{name}.py', *arguments])
        capsys.readouterr()
        status = 0
        handlers = {kind: signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)}
        try:
            with warnings.catch_warnings():
                warnings.resetwarnings()  # as in a process of its own
                main() if installed else run_tool(name)
        except SystemExit as end:
            status = end.code or 0
        finally:
            logging.raiseExceptions = True
            for kind, handler in handlers.items():
                signal.signal(kind, handler)
            forget()
        out, err = capsys.readouterr()
        return Finished(status, out, err)

    return run
