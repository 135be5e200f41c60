"""The README's example, on a published config of the host's."""

import re
from importlib import resources
from pathlib import Path

import torch
from mmengine.config import Config
from mmseg.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]


def test_the_readmes_five_lines_work_on_a_config_of_the_hosts(tmp_path):
    example = re.search(r'```python\n(.*?)```', (ROOT / 'README.md').read_text(), re.S)[1]
    base = resources.files('mmseg') / '.mim/configs/fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py'
    (tmp_path / 'config.py').write_text(example.replace('./your_config.py', str(base)))
    cfg = Config.fromfile(tmp_path / 'config.py')
    model = MODELS.build(cfg.model).eval()
    assert model.backbone.__module__ == 'mmseg_vitseg.models.vit'
    with torch.no_grad():
        (sample,) = model(torch.rand(1, 3, 64, 96), mode='predict')
    assert sample.pred_sem_seg.data.shape == (1, 64, 96)
