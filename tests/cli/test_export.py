"""tools/export.py as a user runs it."""

import torch

from mmseg_vitseg.config.building import build_model
from mmseg_vitseg.config.reading import read_config
from vitseg_tests.paths import config_path
from vitseg_tests.weights import randomise


def test_a_file_and_what_is_said_of_it(run_tool, tmp_path):
    config = config_path('quickstart')
    torch.save(randomise(build_model(read_config(config))).state_dict(), tmp_path / 'weights.pth')
    flags = ('--format', 'torchscript', '--out', 'new/a.pt', '--argmax', '--verify')
    lines = run_tool('export.py', config, 'weights.pth', *flags).stdout.splitlines()
    assert sum(line.startswith('verified: ') for line in lines) == 4
    assert lines[-1].startswith('new/a.pt is written, ')
    assert 'images: float32 (batch, 3, height, width), RGB, 0 to 255' in lines[-1]
    assert 'labels: int64 (batch, height, width), the class of each pixel' in lines[-1]
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['a.pt']
