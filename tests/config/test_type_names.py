"""Classes in configs, and paths of classes, as the names under which the registries know them."""

import sys
import types

import mmcv.transforms
import mmseg.datasets.transforms
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper
from mmengine.registry import DefaultScope
from mmengine.runner import EpochBasedTrainLoop
from mmseg.models import EncoderDecoder, ResNetV1c
from mmseg.models.losses import CrossEntropyLoss
from mmseg.registry import MODELS, TRANSFORMS

import mmseg_vitseg.models
from mmseg_vitseg.config.reading import ConfigError, read_config
from mmseg_vitseg.config.type_names import name_of, name_types

NAMES = [
    (CrossEntropyLoss, 'CrossEntropyLoss'),
    (ResNetV1c, 'ResNetV1c'),
    (mmseg_vitseg.models.VisionTransformer, 'mmseg_vitseg.VisionTransformer'),
    (torch.optim.AdamW, 'AdamW'),
    (torch.nn.SyncBatchNorm, 'torch.nn.modules.batchnorm.SyncBatchNorm'),  # the host has one of its own
    (torch.nn.BatchNorm2d, 'BN'),
    (OptimWrapper, 'OptimWrapper'),
    (EpochBasedTrainLoop, 'EpochBasedTrainLoop'),
    (pseudo_collate, 'pseudo_collate'),
    (mmcv.transforms.LoadImageFromFile, 'LoadImageFromFile'),
    (mmseg.datasets.transforms.LoadAnnotations, 'LoadAnnotations'),
    (mmcv.transforms.LoadAnnotations, 'mmengine.LoadAnnotations'),  # the host has one of that name
]


@pytest.mark.parametrize(('kind', 'name'), NAMES)
def test_a_class_is_known_by(kind, name):
    assert name_of(kind, 'mmseg') == name
    cfg = Config(dict(default_scope='mmseg', x=[dict(type=f'{kind.__module__}.{kind.__qualname__}', y=1)]))
    name_types(cfg)
    assert cfg.x == [dict(type=name, y=1)]


@pytest.mark.parametrize('scope', [dict(), dict(default_scope=None), dict(default_scope='mmengine')])
def test_classes_without_a_default_scope_get_the_hosts_and_what_is_a_name_keeps_its_meaning(scope):
    cfg = Config(
        dict(**scope, x=[dict(type=kind) for kind in (EncoderDecoder, 'Resize', 'SyncBN', 'mmseg.Resize', 'SGD')])
    )
    name_types(cfg)
    assert [one.type for one in cfg.x] == ['EncoderDecoder', 'mmengine.Resize', 'SyncBN', 'mmseg.Resize', 'SGD']
    assert cfg.default_scope == 'mmseg'
    with DefaultScope.overwrite_default_scope('mmseg'):
        assert TRANSFORMS.get('mmengine.Resize') is mmcv.transforms.Resize


@pytest.mark.parametrize('scope', [dict(), dict(default_scope=None)])
def test_a_text_config_without_a_default_scope_stays(scope):
    cfg = Config(dict(**scope, x=dict(type='Resize')))
    name_types(cfg)
    assert cfg.to_dict() == dict(**scope, x=dict(type='Resize'))


@pytest.fixture
def own(monkeypatch):
    """A class of a user's module, registered by its import."""
    module = types.ModuleType('own_module')
    exec('class OwnHead: ...', module.__dict__)
    monkeypatch.setitem(sys.modules, 'own_module', module)
    monkeypatch.setitem(MODELS.module_dict, 'OwnHead', module.OwnHead)
    return module.OwnHead


def test_a_class_of_ones_own_keeps_its_path(own):
    """A config of that path works alone; the name would need custom_imports."""
    assert name_of(own, 'mmseg') == 'own_module.OwnHead'
    assert MODELS.get('own_module.OwnHead') is own


def test_what_has_no_path_stays_itself():
    class Local: ...

    part = dict(type=Local, other=CrossEntropyLoss)
    cfg = Config(dict(part=part))
    name_types(cfg)
    assert cfg.part == part, 'of other settings too, which are no types'


def test_texts_stay_as_they_are():
    kinds = [
        'ResNet',
        'mmseg.ResNet',
        'mmseg_vitseg.VisionTransformer',
        'mmdet.X',
        'no.such.module',
        'mmseg.models.None',
        3,
    ]
    cfg = Config(dict(x=[dict(type=kind) for kind in kinds]))
    name_types(cfg)
    assert [one.type for one in cfg.x] == kinds


LAZY = """
from mmseg.models.losses import CrossEntropyLoss
from torch.nn import BatchNorm2d
from nothing_of_this_name import Unused
model = dict(heads=[dict(loss=(dict(type=CrossEntropyLoss),))], norm_cfg=dict(type=BatchNorm2d), dtype=CrossEntropyLoss)
"""


def test_a_pure_python_config_is_read_as_any_other(tmp_path):
    (tmp_path / 'lazy.py').write_text(LAZY)
    cfg = read_config(tmp_path / 'lazy.py', {'model.norm_cfg.eps': 1})
    assert cfg.model.heads == [dict(loss=(dict(type='CrossEntropyLoss'),))]
    assert cfg.model.norm_cfg == dict(type='BN', eps=1)
    cfg.dump(tmp_path / 'dumped.py')
    assert read_config(tmp_path / 'dumped.py').model.heads == [dict(loss=(dict(type='CrossEntropyLoss'),))]


def test_a_class_that_cannot_be_imported(tmp_path):
    (tmp_path / 'lazy.py').write_text(LAZY + 'head = dict(type=Unused)')
    with pytest.raises(ConfigError, match=r'lazy.py: cannot be read: .*nothing_of_this_name.* line 4'):
        read_config(tmp_path / 'lazy.py')
