"""The weights that come with the package: the file is the one that was trained, small, and a model by its config's name."""

import numpy as np
import pytest

import mmseg_vitseg
from mmseg_vitseg.checkpoints.fetch import local_file
from mmseg_vitseg.config.shipped import WEIGHTS, find_weights
from mmseg_vitseg.datasets.shapes import draw_shapes
from mmseg_vitseg.download import digest
from vitseg_tests.paths import config_path

SHA256 = {'quickstart': '0e3cb2d7bdb9f6132076bcb2762b3a94d5f6c2ab5b5ebee7ad6522a19e1482ee'}


def test_files():
    assert {file.stem: digest(file) for file in WEIGHTS.glob('*.safetensors')} == SHA256
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) < 3 * 10**6


@pytest.mark.parametrize('arguments', [('quickstart',), ('quickstart', 'quickstart'), (config_path('quickstart'),)])
def test_a_model_that_has_learned(arguments):
    model = mmseg_vitseg.load_model(*arguments, device='cpu')
    right = []
    for index in range(4):
        picture, mask = draw_shapes(1, index, 64)  # of the validation pictures
        right.append(mmseg_vitseg.predict(model, np.ascontiguousarray(picture[..., ::-1])) == mask)
    assert np.mean(right) > 0.95


def test_only_ours_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_weights('quickstart') and find_weights('configs/quickstart.py')
    assert find_weights('setr_pup_pet') is None
    (tmp_path / 'quickstart.py').write_text('')
    assert find_weights('quickstart') is None  # the user's own config
    for name in ('setr_pup_pet', 'quickstart.pth'):
        with pytest.raises(FileNotFoundError, match='no such checkpoint file'):
            local_file(name)
