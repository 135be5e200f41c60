"""What is said of a machine, and set there."""

from collections.abc import Iterator

import pytest
import torch

from mmseg_vitseg.benchmark.rows import Row
from mmseg_vitseg.benchmark.tables import cells
from mmseg_vitseg.benchmark.variants import Settings
from mmseg_vitseg.engine.running.command_line import load_config
from mmseg_vitseg.engine.running.runner import build_runner
from mmseg_vitseg.machine import circumstances, set_matmul_precision
from vitseg_tests.commands import forget
from vitseg_tests.paths import config_path


@pytest.fixture(autouse=True)
def precision() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(before)
    forget()


def test_the_precision_of_products():
    assert 'float32_matmul_precision' not in circumstances('cpu')
    for name in ('high', 'medium', 'highest'):
        set_matmul_precision(name)
        assert torch.get_float32_matmul_precision() == name
        assert circumstances('cpu').get('float32_matmul_precision', 'highest') == name
    with pytest.raises(ValueError, match=r"^float32_matmul_precision='tf32'; allowed: 'highest', 'high', 'medium'"):
        set_matmul_precision('tf32')


def test_a_config_sets_it(tmp_path):
    """The host's Runner passes over it."""
    options = {'float32_matmul_precision': 'high', 'work_dir': str(tmp_path)}
    build_runner(load_config(config_path('quickstart'), options=options))
    assert torch.get_float32_matmul_precision() == 'high'
    with pytest.raises(ValueError, match="float32_matmul_precision='higher'"):
        build_runner(load_config(config_path('quickstart'), options={**options, 'float32_matmul_precision': 'higher'}))


def test_a_benchmarks_row_says_it():
    assert cells(Row('a', 'ours', Settings()))[2] == 'predict 1x512x512 float32'
    assert cells(Row('a', 'ours', Settings(matmul_precision='high')))[2] == 'predict 1x512x512 float32 (products: high)'


@pytest.mark.gpu
def test_what_needs_a_gpu_is_compared_in_strict_float32():
    """By a fixture of all such tests; this one needs none."""
    assert not torch.backends.cudnn.allow_tf32
    assert torch.get_float32_matmul_precision() == 'highest'


def test_elsewhere_torch_is_left_as_it_is():
    assert torch.backends.cudnn.allow_tf32
