import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_vitseg.inference.model import load_model
from vitseg_tests.paths import config_path
from vitseg_tests.weights import randomise


@pytest.fixture
def checkpoint(tmp_path):
    """Random weights of quickstart.py's model, which tell classes apart, in a work dir."""
    model = randomise(MODELS.build(Config.fromfile(config_path('quickstart')).model))
    folder = tmp_path / 'work_dir'
    folder.mkdir()
    torch.save(dict(state_dict=model.state_dict(), meta=dict(epoch=3, iter=90)), folder / 'epoch_3.pth')
    return folder / 'epoch_3.pth'


@pytest.fixture
def model(checkpoint):
    """The same model on five pictures."""
    return load_model(config_path('quickstart'), checkpoint, 'cpu', {'test_dataloader.dataset.length': 5})
