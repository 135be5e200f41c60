"""The configs that the README and docs/in_your_mmseg.md show, on published configs of the host's."""

import re
from importlib import resources

import pytest
import torch
from mmengine.config import Config
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from vitseg_tests.paths import ROOT

HOST = resources.files('mmseg') / '.mim'


def first_config(text: str) -> str:
    return re.search(r'```python\n(_base_.*?)```', (ROOT / text).read_text(), re.S)[1]


@pytest.mark.parametrize(
    ('text', 'old', 'new'),
    [
        ('README.md', './your_config.py', f'{HOST}/configs/fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py'),
        ('docs/in_your_mmseg.md', '<mim>', str(HOST)),
    ],
)
def test_works_on_a_config_of_the_hosts(text, old, new, tmp_path):
    (tmp_path / 'config.py').write_text(first_config(text).replace(old, new))
    cfg = Config.fromfile(tmp_path / 'config.py')
    model = MODELS.build(cfg.model).eval()
    assert model.backbone.__module__ == 'mmseg_vitseg.models.vit'
    with torch.no_grad():
        (sample,) = model(torch.rand(1, 3, 64, 96), mode='predict')
    assert sample.pred_sem_seg.data.shape == (1, 64, 96)
    assert set(model(torch.rand(2, 3, 64, 96), [sample_of(64, 96)] * 2, mode='loss')) >= {'decode.loss_ce'}


def sample_of(height: int, width: int):
    size = (height, width)
    labels = PixelData(data=torch.zeros(1, *size, dtype=torch.int64))
    return SegDataSample(metainfo=dict(img_shape=size, ori_shape=size), gt_sem_seg=labels)
