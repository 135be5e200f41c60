"""The kernels by themselves: kernels_against_torch.py, interpreted here and compiled on a GPU."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

CASES = Path(__file__).with_name('kernels_against_torch.py')


def run_cases(**environment):
    """In a process of its own: triton reads its variable when it is imported."""
    pytest.importorskip('triton', reason='triton is not installed; it comes with the extra [dev]')
    command = [sys.executable, '-m', 'pytest', '-n', '0', '-q', '-x', '-p', 'no:cacheprovider', str(CASES)]
    result = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]


@pytest.mark.slow
def test_interpreted():
    run_cases(TRITON_INTERPRET='1', CUDA_VISIBLE_DEVICES='')


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no CUDA device')
def test_compiled():
    run_cases(TRITON_INTERPRET='0')
