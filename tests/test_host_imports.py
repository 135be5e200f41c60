"""In a program of a user's: nothing is printed by what it imports, and nothing is warned of."""

import os
import subprocess
import sys

import pytest

from vitseg_tests.paths import ROOT


@pytest.mark.parametrize(
    'code',
    [
        # the host's loss and logger, a config with a variable of the environment and SyncBN
        'import mmseg_vitseg, numpy, mmengine.runner, mmcv.cnn, mmseg.datasets\n'
        "options = {'model.backbone.init_cfg': None, 'model.pretrained': None}\n"
        "model = mmseg_vitseg.load_model('configs/segformer_b0_camvid.py', options=options)\n"
        'mmseg_vitseg.predict(model, numpy.zeros((64, 64, 3), numpy.uint8))',
        # a data loader's worker, that starts anew
        'import multiprocessing, mmseg_vitseg.datasets as ours\n'
        "if __name__ == '__main__':\n"
        "    worker = multiprocessing.get_context('spawn').Process(target=len, args=[ours.ShapesDataset(length=2)])\n"
        '    worker.start(), worker.join()',
    ],
)
def test_nothing_is_said(tmp_path, code):
    (tmp_path / 'program.py').write_text(code)
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'CAMVID_ROOT': str(tmp_path)}
    command = [sys.executable, '-W', 'error', tmp_path / 'program.py']
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    said = [line for line in result.stdout.splitlines() if not line.startswith('No checkpoint: ')]
    assert (result.returncode, said, result.stderr) == (0, [], '')


def test_only_the_known_lines_are_left_out(tmp_path):
    (tmp_path / 'mmseg').mkdir()
    (tmp_path / 'mmseg/__init__.py').touch()
    (tmp_path / 'mmseg/datasets.py').write_text("print('Could not import OneDL')\nprint('something else')")
    environment = {**os.environ, 'PYTHONPATH': f'{tmp_path}{os.pathsep}{ROOT}'}
    command = [sys.executable, '-c', 'import mmseg_vitseg, mmseg.datasets']
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stdout) == (0, 'something else\n'), result.stderr
