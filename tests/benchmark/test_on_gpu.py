"""benchmarks/on_gpu.py in its quick form on a CPU: its phases, their limits, its table; what is CUDA's only is not run."""

import json
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

import pytest
import torch

import gpu.launches
import gpu.tests
import on_gpu
from gpu import limits
from gpu.markdown import read_rows, to_markdown
from gpu.session import Session
from mmseg_vitseg.benchmark.differences import Comparison
from vitseg_tests.marks import LONG
from vitseg_tests.paths import ROOT

SCRIPT = ROOT / 'benchmarks/on_gpu.py'


# phase -> the variants that are compared with the first ones
COMPARED = {
    'parts': {'host', 'host without accuracy', 'topk', 'plain', 'channels first'},
    'train': {'stock'},
    'predict': {'stock'},
    'dino': {'hf', 'frozen_stages=2'},
    'eomt': {'hf'},
    'compile': {'ours, as it is', 'stock, as it is'},
}


def arguments(out, **values):
    return Namespace(**dict(out=out, device='cpu', quick=True, only=list(on_gpu.PHASES), phase=None) | values)


@pytest.mark.parametrize(
    ('phase', 'expected'),
    [
        ('env', {'device', 'torch', 'our kernels', 'copy', 'product, tf32', 'launch'}),
        pytest.param('tests', {'pytest -m gpu', 'equality'}, marks=pytest.mark.slow),
        ('parts', {'loss', 'labels', 'best of classes', '3x3 of upsampled', 'depthwise 3x3', 'Mix-FFN', 'attention'}),
        ('train', {'step'}),
        ('predict', {'step'}),
        ('dino', {'equality', 'forward', 'training', 'probe'}),
        pytest.param('eomt', {'equality', 'step'}, marks=LONG),
        ('launches', {'launches'}),
        pytest.param('compile', {'graph breaks', 'compiled, default'}, marks=LONG),
        pytest.param('e2e', {'train.py'}, marks=LONG),
    ],
)
def test_a_phase(phase, expected, tmp_path):
    assert on_gpu.run_phase(arguments(tmp_path, phase=phase)) == 0
    rows = read_rows(tmp_path / 'rows.jsonl')
    assert expected <= {row['what'] for row in rows}
    assert {row['phase'] for row in rows} == {phase}
    assert [row for row in rows if 'error' in row] == []
    if phase == 'tests':
        assert ' skipped' in rows[0]['last']
        assert all(row['max_abs_diff'] < 1e-5 for row in rows[1:])
    compared = {row['variant'] for row in rows if 'ratio_latency' in row}
    assert compared == COMPARED.get(phase, set())


@pytest.mark.slow
def test_the_command(tmp_path):
    """A checkout is enough, from any folder."""
    command = [sys.executable, str(SCRIPT), '--device', 'cpu', '--quick', '--out', 'out', '--only', 'env']
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith('env: done, ')
    assert lines[-1].startswith('rows: out/rows.jsonl, table: out/table.md; send both ')
    assert (tmp_path / 'out/table.md').read_text().strip() in result.stdout


def test_without_a_gpu_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(sys, 'argv', ['on_gpu.py', '--out', 'out'])
    assert on_gpu.main() == 2
    said = capsys.readouterr()
    assert said.out == ''
    assert said.err == 'no GPU that torch can use is here; to try the script itself: --device cpu --quick\n'


def test_a_folder_that_is_a_file(tmp_path, monkeypatch, capsys):
    (tmp_path / 'out').touch()
    monkeypatch.setattr(sys, 'argv', ['on_gpu.py', '--out', str(tmp_path / 'out'), '--device', 'cpu'])
    assert on_gpu.main() == 2
    assert capsys.readouterr().err == f'--out {tmp_path}/out: File exists; name a folder, one that can be written to\n'


def test_a_phase_that_there_is_not(monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['on_gpu.py', '--out', 'out', '--only', 'env,trian'])
    with pytest.raises(SystemExit) as end:
        on_gpu.main()
    assert end.value.code == 2
    assert '--only trian: allowed: env, tests, parts,' in capsys.readouterr().err


def test_a_phase_that_fails_or_is_cut_off_keeps_its_rows(tmp_path, monkeypatch, capsys):
    ends = {'env': 0, 'parts': 1, 'train': limits.OVER}
    given = []

    def run_limited(command, seconds, log):
        phase = command[command.index('--phase') + 1]
        with open(tmp_path / 'rows.jsonl', 'a') as file:
            file.write(json.dumps(dict(phase=phase, what='step')) + '\n')
        log.write_text(f'\n{phase} says\nwhy\n')
        given.append((phase, seconds))
        return ends[phase]

    monkeypatch.setattr(limits, 'run_limited', run_limited)
    given_arguments = arguments(tmp_path, only=['train', 'env', 'parts'], quick=False)
    assert on_gpu.run_all(given_arguments, time.monotonic() + 100) == 1
    said = capsys.readouterr().out
    ended = ['env: done, 0 s', 'parts: 1, 0 s', '    parts says', '    why']
    assert said.splitlines()[:7] == [*ended, 'train: over its limit, 0 s', '    train says', '    why']
    assert [row['phase'] for row in read_rows(tmp_path / 'rows.jsonl')] == ['env', 'parts', 'train']
    assert [phase for phase, _ in given] == ['env', 'parts', 'train']
    assert all(seconds <= min(on_gpu.PHASES[phase][1], 100) for phase, seconds in given)


def test_the_budget_ends(tmp_path, capsys):
    assert on_gpu.run_all(arguments(tmp_path, only=['env']), time.monotonic() + 1) == 1
    assert capsys.readouterr().out.startswith('env: no time left\n')


PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)
open(sys.argv[1], 'w').write(str(child.pid))
"""


def lives(process):
    try:
        return Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError:
        return False


@pytest.mark.skipif(not Path('/proc').is_dir(), reason='no /proc')
@pytest.mark.parametrize(('then', 'status'), [('time.sleep(60)', limits.OVER), ('sys.exit(3)', 3)])
def test_nothing_is_left_of_a_process_or_its_children(then, status, tmp_path):
    """Of those in a session of their own neither, as torchrun's are."""
    began = time.monotonic()
    command = [sys.executable, '-c', PARENT + then, str(tmp_path / 'child')]
    assert limits.run_limited(command, 3, tmp_path / 'log') == status
    assert time.monotonic() - began < 10
    time.sleep(0.2)
    assert not lives(int((tmp_path / 'child').read_text()))


def test_errors_are_rows(tmp_path, capsys):
    session = Session('parts', tmp_path, 'cpu', True)

    def broken():
        raise ValueError('no such thing\nat all')

    session.in_turn('loss', {'strips': int, 'host': broken}, case='tiny')
    assert not session.failed  # it is the host's
    assert session.attempt('labels', broken) is None
    assert session.failed
    ours, host, labels = read_rows(tmp_path / 'rows.jsonl')
    assert ours['ms'] > 0
    assert host == dict(
        phase='parts', what='loss', variant='host', case='tiny', error='ValueError: no such thing at all'
    )
    assert labels == dict(phase='parts', what='labels', error='ValueError: no such thing at all')
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == labels


@pytest.mark.parametrize(
    ('found', 'error'),
    [
        (Comparison(max_abs_diff=2e-4), None),
        (Comparison(max_abs_diff=0.1), 'apart by more than 0.001'),
        (Comparison(note='results are not finite'), 'results are not finite'),
    ],
)
def test_results_that_are_apart_are_an_error(found, error, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu.tests, 'marked_tests', lambda session: None)
    monkeypatch.setattr(gpu.tests, 'difference', lambda *given: found)
    session = Session('tests', tmp_path, 'cpu', True)
    gpu.tests.run(session)
    assert session.failed is (error is not None)
    assert [row.get('error') for row in read_rows(tmp_path / 'rows.jsonl')] == [error] * 3


def test_a_listing_has_each_kernel_once():
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
        for _ in range(3):
            torch.ones(2).neg()
    lines = gpu.launches.listing(seen.events()).splitlines()
    assert len(lines) == len({line.split()[-1] for line in lines})
    (negative,) = [line.split() for line in lines if line.endswith(' aten::neg')]
    assert negative[0] == '3'
    assert float(negative[1]) > 0
    spent = [float(line.split()[1]) for line in lines]
    assert spent == sorted(spent, reverse=True)


def test_a_table_for_each_phase(tmp_path):
    file = tmp_path / 'rows.jsonl'
    rows = [
        dict(phase='parts', what='loss', error='a | b'),
        dict(phase='parts', what='loss', variant='host', ms=1234.5678),
        dict(phase='train', what='step', batch_size=8),
    ]
    file.write_text('\n'.join(map(json.dumps, rows)) + '\n{"phase": "tr')
    assert read_rows(tmp_path / 'none.jsonl') == []
    assert to_markdown(read_rows(file)) == (
        '### parts\n\n| what | variant | ms | error |\n| --- | --- | --- | --- |\n'
        '| loss |  |  | a / b |\n| loss | host | 1235 |  |\n\n'
        '### train\n\n| what | batch_size |\n| --- | --- |\n| step | 8 |'
    )
