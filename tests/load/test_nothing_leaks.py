"""Many pictures and many validations in one process: memory, open files and threads stay as they are.

A short form in the plain suite; with MMSEG_VITSEG_LONG=1 a thousand pictures up to 900 pixels a side, or two hundred epochs.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

LONG = bool(os.environ.get('MMSEG_VITSEG_LONG'))
# Of each of its kernels torch keeps one a size of input, up to 1024 of them, which would hide what is ours.
FEW_KERNELS = dict(LRU_CACHE_CAPACITY='1', ONEDNN_PRIMITIVE_CACHE_CAPACITY='1')
GROUPS = (['folder'], ['mit', 'setr', 'windows', 'compare', 'report', 'train', 'leak'])  # those of one process
WARM_UP = 1 / 3  # of the steps
MEMORY = (
    40e3  # bytes a step; the logits of a picture have 90 kB on average in the short form, ten times that in the long
)
AT_WORK = 3  # of predict.py's threads, which begin late or end early: one reads a file, two write one
BLOCKS = 100  # of Python, a step; the table of areas that predict.py writes at the end has about 50 a picture


def run(names: list[str], out: Path) -> dict[str, dict]:
    """Run scenarios in a process of their own and return what they sampled; tools/predict.py sees to torch itself."""
    # predict.py has pictures in several threads at work, whose memory hides little growth in few steps
    steps = ['--steps', '240' if names == ['folder'] else '60', '--largest', '300']
    if LONG:
        steps = ['--steps', '200' if names in (['train'], ['compare']) else '1000']
    environment = {name: value for name, value in os.environ.items() if name not in FEW_KERNELS}
    result = subprocess.run(
        [sys.executable, Path(__file__).with_name('scenarios.py'), *names, *steps, '--out', out],
        cwd=out.parent,
        env=environment | ({} if names == ['folder'] else FEW_KERNELS),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    return json.loads(out.read_text())


@pytest.fixture(scope='module')
def samples_of(tmp_path_factory):
    """The samples of a scenario; in the long form each has a process of its own."""
    known = {}

    def of(name: str) -> dict:
        if name not in known:
            group = [name] if LONG else next(group for group in GROUPS if name in group)
            known.update(run(group, tmp_path_factory.mktemp('load') / 'samples.json'))
        return known[name]

    return of


def steady(values: list[int]) -> list[int]:
    return values[round(len(values) * WARM_UP) :]


def growth(values: list[int]) -> float:
    """Return by how much values grow a step after the warm-up: the median of the later half, less that of the earlier."""
    values = steady(values)
    half = len(values) // 2
    return (median(values[-half:]) - median(values[:half])) / (len(values) - half)


@pytest.mark.slow
@pytest.mark.parametrize('name', [name for group in GROUPS for name in group if name != 'leak'])
def test_nothing_grows(samples_of, name):
    samples = samples_of(name)
    assert growth(samples['in_use']) < MEMORY
    assert growth(samples['blocks']) < BLOCKS
    for counts in (samples['files'], samples['threads']):
        assert max(steady(counts)) - min(steady(counts)) <= (AT_WORK if name == 'folder' else 0)
        assert growth(counts) == 0
    assert samples['left'] == dict(files=1 if name == 'train' else 0, threads=0)  # the host's log file


@pytest.mark.slow
def test_a_leak_would_show(samples_of):
    """Of each picture the logits are kept, and a file is opened."""
    samples = samples_of('leak')
    assert growth(samples['in_use']) > 2 * MEMORY
    assert growth(samples['files']) == 1
