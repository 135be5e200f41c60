"""tools/export.py as a user runs it."""

import pytest
import torch

from mmseg_vitseg.benchmark.building import build_model, draw, model_config


def test_a_file_and_what_is_said_of_it(run_tool, config_path, check_user_error, tmp_path):
    pytest.importorskip('onnxruntime')
    config = config_path('quickstart')
    torch.save(draw(build_model(model_config(config))).state_dict(), tmp_path / 'weights.pth')
    result = run_tool(
        'export.py', config, 'weights.pth', '--format', 'onnx', '--out', 'new/a.onnx', '--argmax', '--verify'
    )
    lines = result.stdout.splitlines()
    assert sum(line.startswith('verified: ') for line in lines) == 4
    assert lines[-1].startswith('new/a.onnx is written, ')
    assert 'images: float32 (batch, 3, height, width), RGB, 0 to 255' in lines[-1]
    assert 'labels: int64 (batch, height, width), the class of each pixel' in lines[-1]
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['a.onnx']
    result = run_tool('export.py', config, 'weights.pth', '--format', 'onnx', '--out', 'new/a.onnx', check=False)
    check_user_error(result, 'new/a.onnx: exists; --force')
