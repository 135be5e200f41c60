"""What a command line changes in a config."""

import inspect

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_vitseg.config.reading import ConfigError
from mmseg_vitseg.engine.running.command_line import enable_amp, load_config, set_outputs
from vitseg_tests.paths import config_path


def config(**kwargs) -> Config:
    return Config({'launcher': 'none', 'env_cfg': dict(dist_cfg=dict(backend='nccl')), **kwargs})


@pytest.mark.parametrize(('cuda', 'kind'), [(True, 'AmpOptimWrapper'), (False, 'mmseg_vitseg.CPUAmpOptimWrapper')])
def test_amp(monkeypatch, cuda, kind):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: cuda)
    cfg = config(optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD')))
    enable_amp(cfg)
    assert cfg.optim_wrapper.type == kind
    for other in ('AmpOptimWrapper', 'mmseg_vitseg.CPUAmpOptimWrapper'):  # a config's own, for the other device
        cfg.optim_wrapper.type = other
        enable_amp(cfg)
        assert cfg.optim_wrapper.type == kind
    assert ('loss_scale' in cfg.optim_wrapper) == cuda


def test_what_a_config_leaves_out_is_the_runners_default(tmp_path):
    """None of the host's own configs has `randomness`; many have no `env_cfg` or `default_hooks`."""
    file = tmp_path / 'config.py'
    for text, randomness in (
        ('', dict(seed=None)),
        ('randomness = None', dict(seed=None)),
        ('randomness = dict(deterministic=True)', dict(seed=None, deterministic=True)),
        ('randomness = dict(seed=3)', dict(seed=3)),
    ):
        file.write_text(text)
        cfg = load_config(file, work_dir=tmp_path / 'work')
        assert cfg.randomness == randomness
        assert cfg.env_cfg.dist_cfg.backend == 'nccl'
        assert cfg.default_hooks == {}
        cfg.randomness.seed = 1
    assert inspect.signature(Runner).parameters['randomness'].default == dict(seed=None)  # unharmed


def test_amp_does_not_replace_another_wrapper():
    with pytest.raises(ConfigError, match="'Other'"):
        enable_amp(config(optim_wrapper=dict(type='Other')))
    with pytest.raises(ConfigError, match='no optim_wrapper'):
        enable_amp(config())


def test_work_dir_and_options(tmp_path):
    cfg = load_config(config_path('quickstart'))
    assert cfg.work_dir == 'work_dirs/quickstart'
    cfg = load_config(config_path('quickstart'), options={'train_cfg.max_epochs': 2}, work_dir=str(tmp_path))
    assert (cfg.work_dir, cfg.train_cfg.max_epochs) == (str(tmp_path), 2)


def test_outputs():
    cfg = config(test_evaluator=dict(type='IoUMetric'), default_hooks=dict())
    set_outputs(cfg, labels='labels', pictures='pictures')
    assert cfg.custom_hooks == [dict(type='mmseg_vitseg.PredictedLabelsHook', folder='labels')]
    assert cfg.default_hooks.visualization.draw
    assert cfg.default_hooks.visualization.folder == 'pictures'
