"""Resuming: which checkpoint, and what is said of it."""

import pytest
import torch
from mmengine.config import Config

from mmseg_vitseg.engine.resuming import start
from mmseg_vitseg.engine.resuming.start import set_resume


def test_resume(tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path), resume=False, load_from=None))
    set_resume(cfg, None)
    set_resume(cfg, 'auto')  # nothing there yet: from scratch
    assert not cfg.resume
    with pytest.raises(FileNotFoundError):
        set_resume(cfg, str(tmp_path / 'none.pth'))
    torch.save({'state_dict': {}}, tmp_path / 'epoch_1.pth')
    with pytest.raises(ValueError, match='weights without the state of a training'):
        set_resume(cfg, 'auto')
    (tmp_path / 'epoch_1.pth').write_bytes(b'broken')
    with pytest.raises(ValueError, match='damaged'):
        set_resume(cfg, 'auto')
    torch.save({'state_dict': {}, 'optimizer': {}, 'meta': {}, 'message_hub': {}}, tmp_path / 'epoch_1.pth')
    set_resume(cfg, 'auto')
    assert (cfg.resume, cfg.load_from) == (True, str(tmp_path / 'epoch_1.pth'))


@pytest.mark.parametrize(('setting', 'unit'), [('max_epochs', 'epoch'), ('max_iters', 'iter')])
def test_resuming_what_is_trained_to_its_end_says_so(tmp_path, monkeypatch, setting, unit):
    said = []
    monkeypatch.setattr(start, 'print_log', lambda message, logger: said.append(message))
    torch.save({'state_dict': {}, 'optimizer': {}, 'meta': {unit: 7}, 'message_hub': {}}, tmp_path / 'epoch_7.pth')
    for last in (8, 7):
        assert said == []
        set_resume(Config(dict(work_dir=str(tmp_path), train_cfg={setting: last})), 'auto')
    (line,) = said
    assert f'train_cfg.{setting}=7, so no step is left' in line
