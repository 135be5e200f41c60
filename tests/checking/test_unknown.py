"""What nobody here wrote raises no alarm: own backbones, heads, segmentors, data sets, forms of config."""

import pytest
import torch
from mmengine.config import Config
from mmseg.datasets import BaseSegDataset
from mmseg.models.decode_heads import FCNHead
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import DATASETS, MODELS
from torch import nn

from mmseg_vitseg.checking import checks
from mmseg_vitseg.checking.checks import check_config
from mmseg_vitseg.config.reading import ConfigError
from vitseg_tests.host_configs import PUBLISHED

FCN = PUBLISHED / 'fcn/fcn_r50-d8_4xb2-40k_cityscapes-512x1024.py'


class OwnBackbone(nn.Module):
    """Would be noticed if it were built."""

    def __init__(self, out_indices=(0, 9), img_size=7, patch_size=5, **kwargs):
        raise AssertionError('built by a check')


class OwnHead(FCNHead):
    """A class more than the data set, as some have for the background."""

    def loss_by_feat(self, seg_logits, batch_data_samples):
        return {}


class OwnSegmentor(EncoderDecoder):
    """Hands its heads the features of two pictures, one beside the other."""

    def extract_feat(self, inputs):
        pairs = zip(self.backbone(inputs), self.backbone(inputs), strict=True)
        return [torch.cat(pair, dim=1) for pair in pairs]

    def slide_flip_inference(self, inputs):
        return inputs

    def inference(self, inputs, batch_img_metas):
        return self.slide_flip_inference(inputs)


class OwnDataset(BaseSegDataset):
    """Says its classes when it is read."""


@pytest.fixture(autouse=True)
def registered():
    own = {MODELS: (OwnBackbone, OwnHead, OwnSegmentor), DATASETS: (OwnDataset,)}
    for registry, classes in own.items():
        for cls in classes:
            registry.register_module(module=cls)
    yield
    for registry, classes in own.items():
        for cls in classes:
            registry.module_dict.pop(cls.__name__)


@pytest.mark.parametrize(
    'options',
    [
        {'model.backbone': dict(_delete_=True, type='OwnBackbone', out_indices=(3, 30))},
        {'model.decode_head.type': 'OwnHead', 'model.decode_head.num_classes': 20},
        {
            'model.type': 'OwnSegmentor',
            'model.decode_head.in_channels': 4096,
            'model.auxiliary_head.in_channels': 2048,
            'model.test_cfg.mode': 'slide_flip',
        },
        {'model.neck': dict(type='ReLU')},
        {f'{name}_dataloader.dataset.type': 'OwnDataset' for name in ('train', 'val', 'test')},
        {'train_cfg': dict(_delete_=True, type='OwnLoop', max_steps=7)},
        {'train_dataloader.dataset.pipeline.3': dict(type='RandomMosaic', prob=1.0)},
        {'model.data_preprocessor.type': 'OwnPreprocessor', 'model.data_preprocessor.size': None},
    ],
    ids=lambda options: next(iter(options)),
)
def test_no_alarm(options):
    cfg = Config.fromfile(FCN)
    cfg.merge_from_dict(options)
    found = [finding for finding in check_config(cfg) if not finding.key.endswith('data_preprocessor.type')]
    assert found == [], list(map(str, found))


@pytest.mark.parametrize('content', [{}, dict(train_dataloader=[]), dict(param_scheduler=None, train_cfg=None)])
def test_what_is_hardly_a_config(content):
    cfg = Config(dict(content, default_scope='mmseg', model=dict(type='Nobodys')))
    assert [finding.key for finding in check_config(cfg)] == ['model.type']


@pytest.mark.parametrize('content', [{}, dict(model=None), dict(model=7)])
def test_a_config_without_a_model(content):
    with pytest.raises(ConfigError, match='no model'):
        check_config(Config(content))


def test_a_check_that_fails_is_left_out_and_said(monkeypatch):
    def check_moon(setup):
        raise KeyError('tides')

    monkeypatch.setattr(checks, 'CHECKS', (check_moon, *checks.CHECKS))
    said = []
    monkeypatch.setattr(checks, 'print_log', lambda message, logger: said.append(message))
    assert check_config(Config.fromfile(FCN)) == []
    assert said == ["check_moon was left out: KeyError: 'tides'"]
