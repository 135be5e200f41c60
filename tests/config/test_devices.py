"""Configs made to fit the devices."""

import pytest
import torch
from mmengine.config import Config

from mmseg_vitseg.config.devices import fit_to_devices

NORM = dict(type='SyncBN', requires_grad=True)


def config(**kwargs) -> Config:
    return Config({'launcher': 'none', 'env_cfg': dict(dist_cfg=dict(backend='nccl')), **kwargs})


def test_sync_bn_becomes_bn_without_a_process_group():
    cfg = config(model=dict(decode_head=dict(norm_cfg=NORM), auxiliary_head=[dict(norm_cfg=NORM), dict(a=1)]))
    fit_to_devices(cfg)
    assert cfg.model.decode_head.norm_cfg.type == 'BN'
    assert cfg.model.auxiliary_head[0].norm_cfg == dict(type='BN', requires_grad=True)


@pytest.mark.parametrize('name', ['mmengine.SyncBN', 'MMSyncBN', 'torch.nn.SyncBatchNorm'])
def test_sync_bn_under_its_other_names(name):
    cfg = config(model=dict(norm_cfg=dict(type=name)))
    fit_to_devices(cfg)
    assert cfg.model.norm_cfg.type == 'BN'


@pytest.mark.parametrize('cuda', [True, False])
def test_processes(monkeypatch, cuda):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: cuda)
    cfg = config(launcher='pytorch', model=dict(decode_head=dict(norm_cfg=NORM)))
    fit_to_devices(cfg)
    assert cfg.model.decode_head.norm_cfg.type == ('SyncBN' if cuda else 'BN')
    assert cfg.env_cfg.dist_cfg.backend == ('nccl' if cuda else 'gloo')
    assert ('model_wrapper_cfg' in cfg) != cuda
