"""Our configs, their models, and the recipes of the host's published ones, which ours are compared with."""

import inspect
from importlib import resources

import torch
from mmengine.config import Config
from mmseg.registry import DATASETS, MODELS
from torch import nn

from vitseg_tests.paths import ROOT, config_path

CONFIGS = sorted((ROOT / 'configs').glob('*.py'))


def our_config(name: str) -> Config:
    """Read a config of ours, such as ``quickstart``."""
    return Config.fromfile(config_path(name))


def build(cfg: Config) -> nn.Module:
    return MODELS.build(cfg.model).eval()


def build_on_meta(cfg: Config) -> nn.Module:
    """Build the model at its full size without memory for its weights."""
    with torch.device('meta'):
        return build(cfg)


def heads_of(cfg: Config) -> list[dict]:
    auxiliary = cfg.model.get('auxiliary_head') or []
    return [cfg.model.decode_head, *(auxiliary if isinstance(auxiliary, list) else [auxiliary])]


def host_twin(folder: str, *words: str) -> Config:
    """Return the host's published config whose name has each of the words."""
    found = sorted((resources.files('mmseg') / '.mim/configs' / folder).glob('*.py'))
    return Config.fromfile(next(path for path in reversed(found) if all(word in path.name for word in words)))


def check_recipe(ours: Config, host: Config) -> None:
    """Optimizer, schedule, windows, pictures, pipelines: all that surrounds the model must be as the host published it."""
    theirs = host.optim_wrapper.get('paramwise_cfg').custom_keys
    theirs.pop('pos_block', None)  # names no parameter
    assert ours.optim_wrapper.optimizer == host.optim_wrapper.optimizer
    assert ours.optim_wrapper.paramwise_cfg.custom_keys == theirs
    assert ours.param_scheduler == host.param_scheduler
    assert (ours.train_cfg, ours.model.test_cfg) == (host.train_cfg, host.model.test_cfg)
    assert ours.train_dataloader.batch_size == host.train_dataloader.batch_size
    for key in ('size', 'mean', 'std', 'bgr_to_rgb', 'pad_val', 'seg_pad_val'):
        assert ours.model.data_preprocessor[key] == host.model.data_preprocessor[key], key
    for loader in ('train_dataloader', 'val_dataloader'):
        for key in ('type', 'data_prefix'):
            assert ours[loader].dataset[key] == host[loader].dataset[key], key
        steps = [dict(step) for step in host[loader].dataset.pipeline]
        labels = [step.pop('reduce_zero_label') for step in steps if 'reduce_zero_label' in step]
        # ours leave it to the data set, which says the same
        dataset = inspect.signature(DATASETS.get(host[loader].dataset.type)).parameters
        assert not labels or labels == [dataset['reduce_zero_label'].default]
        assert ours[loader].dataset.pipeline == steps
        assert ours[loader].sampler == host[loader].sampler
    assert ours.test_dataloader == ours.val_dataloader
    for key in ('val_evaluator', 'test_evaluator'):
        assert ours[key] == host[key], key
    assert without_defaults(ours.tta_pipeline) == without_defaults(host.tta_pipeline)


def without_defaults(steps: list) -> list:
    """Leave out what the host's configs spell out at its default value."""
    if isinstance(steps, (list, tuple)):
        return [without_defaults(step) for step in steps]
    default = dict(backend_args=None, direction='horizontal')
    return {
        key: without_defaults(value) if key == 'transforms' else value
        for key, value in steps.items()
        if key not in default or value != default[key]
    }
