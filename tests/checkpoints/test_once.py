"""A file is read once and converted once, whichever way it comes into a model."""

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import load_checkpoint
from mmseg.registry import MODELS

from mmseg_vitseg import load_model
from mmseg_vitseg.checkpoints import reading, sources
from mmseg_vitseg.converting.convert import convert_file
from mmseg_vitseg.converting.to_projects import to_project
from mmseg_vitseg.engine.running.runner import build_runner
from vitseg_tests.commands import forget
from vitseg_tests.paths import config_path

BACKBONE = dict(img_size=64, patch_size=8, embed_dims=16, num_layers=2, num_heads=2, input_norm=None, final_norm=True)
SMALL = {f'model.backbone.{name}': value for name, value in BACKBONE.items()}
SMALL |= {'model.decode_head.in_channels': 16, 'model.decode_head.patch_size': 8}
SMALL |= {f'{name}_dataloader.dataset.length': 2 for name in ('train', 'val', 'test')}
JOURNEYS = {
    'load_model': lambda config, call: load_model(config, 'whole.pth', 'cpu'),
    'load_from': lambda config, call: runner(config, load_from='whole.pth').load_or_resume(),
    "the host's tools": lambda config, call: load_checkpoint(MODELS.build(Config.fromfile(config).model), 'whole.pth'),
    'backbone': lambda config, call: part(config, 'backbone', 'vit.pth'),
    'head': lambda config, call: part(config, 'decode_head', 'whole.pth'),
    'convert': lambda config, call: convert_file('vit.pth', 'out.pth'),
    'convert a backbone': lambda config, call: convert_file('vit.pth', 'out.pth', config=config),
    'convert a model': lambda config, call: convert_file('whole.pth', 'out.pth', config=config),
    'test': lambda config, call: call(f'test {config} whole.pth'),
}


def runner(config, **settings):
    return build_runner(
        Config({**Config.fromfile(config).to_dict(), 'launcher': 'none', 'work_dir': 'work', **settings})
    )


def part(config, name, path):
    cfg = Config.fromfile(config).model[name]
    MODELS.build(dict(cfg, init_cfg=dict(type='Pretrained', checkpoint=path))).init_weights()


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Return a config; beside it stand its model in the host's names, and its backbone in timm's."""
    monkeypatch.chdir(tmp_path)
    cfg = Config.fromfile(config_path('quickstart'))
    cfg.merge_from_dict(SMALL)
    cfg.dump('small.py')
    model = MODELS.build(cfg.model)
    torch.save({'state_dict': to_project(model.state_dict(), 'mmseg')[0]}, 'whole.pth')
    torch.save(to_project(model.backbone.state_dict(), 'timm')[0], 'vit.pth')
    return 'small.py'


@pytest.mark.parametrize('journey', JOURNEYS)
def test_read_once_and_converted_once(journey, config, call, monkeypatch):
    counts = dict.fromkeys(('read_torch', 'apply_table'), 0)
    for module, name in ((reading, 'read_torch'), (sources, 'apply_table')):

        def counted(*args, name=name, function=getattr(module, name)):
            counts[name] += 1
            return function(*args)

        monkeypatch.setattr(module, name, counted)
    result = JOURNEYS[journey](config, call)
    forget()
    assert getattr(result, 'status', 0) == 0, result.err
    assert counts == dict(read_torch=1, apply_table=1)
