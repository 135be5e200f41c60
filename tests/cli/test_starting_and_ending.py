"""How commands start and end: what is missing, text in UTF-8, errors as a line, what to do next."""

import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mmseg_vitseg.cli.next_step import next_step, note_next_step, noting
from vitseg_tests.paths import ROOT

TOOLS = ROOT / 'tools'


@pytest.mark.parametrize('path', sorted(TOOLS.glob('*.py')), ids=lambda path: path.name)
def test_workers_that_are_spawned(path):
    """They run the tool's file under another name, and without its folder on sys.path; see multiprocessing.spawn."""
    runpy.run_path(str(path), run_name='__mp_main__')


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
        'cache_features.py': ['x.py'],
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


@pytest.mark.skipif(os.name != 'posix', reason='a program cannot start again in its own place')
@pytest.mark.parametrize(
    'environment',
    [
        {'LC_ALL': 'C', 'PYTHONUTF8': '0', 'PYTHONCOERCECLOCALE': '0'},
        {'LC_ALL': 'POSIX', 'PYTHONUTF8': '0', 'PYTHONCOERCECLOCALE': '0', 'PYTHONIOENCODING': 'ascii'},
    ],
)
def test_files_are_utf8_in_any_locale(tmp_path, environment):
    """As the host opens them, without naming an encoding: paths and classes have letters outside ASCII."""
    code = (
        'import sys\nfrom mmseg_vitseg.cli.ending import run\n'
        "run(lambda: (open(sys.argv[1], 'w').write(sys.argv[1]), print(sys.argv[1])))"
    )
    (tmp_path / 'x.py').write_text(code)
    result = subprocess.run(
        [sys.executable, 'x.py', 'Straße'],
        cwd=tmp_path,
        capture_output=True,
        env={**os.environ, **environment, 'PYTHONPATH': str(ROOT)},
    )
    assert (result.returncode, result.stderr) == (0, b'')
    assert (tmp_path / 'Straße').read_bytes() == 'Straße'.encode()
    assert result.stdout.strip() in ('Straße'.encode(), rb'Stra\xdfe')


@pytest.mark.parametrize(
    ('command', 'unbuffered'),
    [
        ('-m mmseg_vitseg configs', ''),
        ('-m mmseg_vitseg configs', '1'),
        ('-m mmseg_vitseg train --help', ''),
        ("-c 'import rich; from mmseg_vitseg.cli.ending import run; run(lambda: rich.print(1))'", ''),
    ],
)
@pytest.mark.parametrize(
    ('output', 'status', 'said'),
    [
        ('| true', 128 + signal.SIGPIPE, ''),
        ('> /dev/full', 2, 'error: output: No space left on device; make room'),
    ],
)
def test_output_that_cannot_be_written(command, unbuffered, output, status, said):
    line = f'set -o pipefail; (sleep 0.1; {shlex.quote(sys.executable)} {command}) {output}'
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'PYTHONUNBUFFERED': unbuffered}
    result = subprocess.run(['bash', '-c', line], capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stderr[: len(said) or None]) == (status, said)
    assert len(result.stderr.splitlines()) <= 1


def test_an_import_is_not_cut_off(tmp_path):
    """C++ imports too, and would end with an abort."""
    (tmp_path / 'slow.py').write_text('import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nprint("imported")')
    (tmp_path / 'x.py').write_text(
        'import signal, time\nfrom mmseg_vitseg.cli.ending import run\n'
        'signal.signal(signal.SIGINT, signal.default_int_handler)\n'  # a shell's background job ignores it
        'run(lambda: (__import__("slow"), time.sleep(60)))'
    )
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    result = subprocess.run([sys.executable, 'x.py'], cwd=tmp_path, capture_output=True, text=True, env=environment)
    said = '\nInterrupted. What is written is whole; run the same command again.\n'
    assert (result.returncode, result.stdout, result.stderr) == (130, 'imported\n', said)


@pytest.mark.parametrize(
    ('line', 'files', 'said'),
    [
        (
            'tools/train.py x.py --work-dir out',
            ['epoch_1.pth'],
            'the same command with --resume goes on from the last checkpoint',
        ),
        ('tools/train.py x.py --work-dir=out', ['best_mIoU_iter_8.pth'], 'no checkpoint was written so far'),
        ('tools/train.py x.py --work-dir out', ['old/iter_1.pth'], 'no checkpoint was written so far'),
        (
            'tools/train.py x.py --work-dir out --resume',
            ['old/iter_1.pth'],
            'the same command with --resume goes on from',
        ),
        ('tools/train.py x.py', [], 'no checkpoint was written so far'),
        ('tools/_launch.py --nproc 2 tools/train.py x.py', [], 'if one was written'),
        ('tools/_launch.py --nproc 2 tools/train.py x.py --work-dir out', ['iter_4.pth'], 'from the last checkpoint'),
        ('mmseg-vitseg train x', [], 'no checkpoint was written so far'),
        ('mmseg-vitseg train x --resume --work-dir out', ['iter_1.pth'], 'the same command with --resume goes on'),
        ('mmseg-vitseg launch --nproc 2 -m mmseg_vitseg train x', [], 'with --resume goes .* if one was'),
        ('mmseg-vitseg test x', [], 'run the same command again'),
        ('tools/predict.py x.py', [], 'run the same command again'),
    ],
)
def test_what_is_said_of_an_end_that_came_too_early(tmp_path, monkeypatch, line, files, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', line.split())
    (tmp_path / 'out').mkdir()
    for name in files:
        (tmp_path / 'out' / Path(name).name).touch()
        if name.startswith('old/'):
            os.utime(tmp_path / 'out' / Path(name).name, (1, 1))
    with noting():
        assert re.search(said, next_step())


def test_what_a_scene_says_of_its_end(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['tools/predict.py', 'x.py'])
    with noting():
        note_next_step('the same command with --resume goes on')
        assert next_step() == 'the same command with --resume goes on'
    assert next_step() == 'run the same command again'
