"""Models built from configs, for this machine; what is said where one cannot be."""

import pytest
from mmengine.config import Config
from torch import nn

from mmseg_vitseg.config.building import build_model, leave_weights_out
from mmseg_vitseg.config.reading import ConfigError

BACKBONE = dict(type='mmseg.ResNetV1c', depth=18, norm_cfg=dict(type='SyncBN'))
HEAD = dict(type='mmseg.FCNHead', in_channels=512, channels=8, num_classes=3, init_cfg=dict(type='Normal', std=1.0))
MODEL = dict(type='mmseg.EncoderDecoder', backbone=BACKBONE, decode_head=HEAD)


def test_a_model_fits_one_process_of_this_machine():
    model = build_model(Config(dict(default_scope='mmseg', launcher='pytorch', model=MODEL)))
    norms = {type(one) for one in model.modules() if 'Norm' in type(one).__name__}
    assert norms == {nn.BatchNorm2d}


def test_without_weights():
    cfg = Config(dict(model=dict(MODEL, backbone=dict(BACKBONE, pretrained='nowhere.pth'))))
    leave_weights_out(cfg.model)
    assert 'pretrained' not in cfg.model.backbone
    assert 'init_cfg' not in cfg.model.decode_head
    assert cfg.model.backbone.depth == 18


@pytest.mark.parametrize(
    ('settings', 'words'),
    [
        (dict(), r'has no model; a config needs model = dict\(type=...\)'),
        (dict(model=[MODEL]), 'has no model'),
        (dict(model=dict(type='Nothing')), r'Nothing is not in .*: default_scope=None says where types are looked for'),
        (dict(default_scope='mmseg', model=dict(type='Nothing')), 'cannot be built: KeyError: .*Nothing is not in'),
    ],
)
def test_what_cannot_be_built_is_said_with_the_configs_name(tmp_path, settings, words):
    (tmp_path / 'small.py').touch()
    with pytest.raises(ConfigError, match=rf'small\.py: {words}'):
        build_model(Config(settings, filename=str(tmp_path / 'small.py')))
