"""Every config's model is built and run once; the article's is checked to the letter."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / 'configs').glob('*.py'))


def build(cfg: Config) -> nn.Module:
    return MODELS.build(cfg.model).eval()


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_every_config_builds_and_predicts(path):
    cfg = Config.fromfile(path)
    assert cfg.default_scope == 'mmseg'
    model = build(cfg)
    with torch.no_grad():
        (sample,) = model(torch.rand(1, 3, 64, 64), mode='predict')
    assert sample.pred_sem_seg.data.shape == (1, 64, 64)
    assert path.read_text().startswith('"""'), 'a config says what it is and what it scored'


@pytest.fixture(scope='module')
def article():
    return Config.fromfile(ROOT / 'configs/vit_linear_pet.py')


def test_the_articles_size_and_no_convolution(article):
    model = build(article)
    assert sum(p.numel() for p in model.parameters()) == 86_284_806  # published: 86.28 M
    assert not any(isinstance(module, nn.modules.conv._ConvNd) for module in model.modules())


def test_the_articles_shapes(article):
    """SYSTEMS.md, part A: the shapes that a (1, 3, 128, 128) image walks through."""
    model = build(article)
    seen = {}

    def note(name):
        return lambda module, inputs, output: seen.update({name: (tuple(inputs[0].shape), tuple(output.shape))})

    backbone = model.backbone
    backbone.input_norm.register_forward_hook(note('batch norm'))
    backbone.patch_embed.proj.register_forward_hook(note('patch embedding'))
    backbone.blocks[0].register_forward_hook(note('first block'))
    backbone.blocks[-1].register_forward_hook(note('last block'))
    model.decode_head.projection.register_forward_hook(note('projection'))
    with torch.no_grad():
        logits = model(torch.rand(1, 3, 128, 128))
    assert seen == {
        'batch norm': ((1, 3, 128, 128), (1, 3, 128, 128)),
        'patch embedding': ((1, 64, 768), (1, 64, 768)),
        'first block': ((1, 64, 768), (1, 64, 768)),
        'last block': ((1, 64, 768), (1, 64, 768)),
        'projection': ((1, 64, 768), (1, 64, 16 * 16 * 3)),
    }
    assert backbone.pos_embed.shape == (1, 64, 768)
    assert logits.shape == (1, 3, 128, 128)


def test_the_articles_recipe(article):
    block = build(article).backbone.blocks[0]
    assert (block.attn.num_heads, block.attn.attn_drop_rate, block.mlp.drop2.p) == (8, 0.2, 0.2)
    assert (block.attn.proj_drop.p, block.mlp.drop1.p) == (0.0, 0.0)
    assert article.optim_wrapper.optimizer == dict(type='Adam', lr=4e-4)
    assert article.param_scheduler == [dict(type='StepLR', step_size=12, gamma=0.8, by_epoch=True)]
    assert article.train_cfg.max_epochs == 50
    steps = [step['type'] for step in article.train_dataloader.dataset.pipeline]
    assert 'RandomFlip' in steps
    assert 'PhotoMetricDistortion' in steps
    resize = next(step for step in article.train_dataloader.dataset.pipeline if step['type'] == 'Resize')
    assert (resize['scale'], resize['keep_ratio']) == ((128, 128), False)
    assert article.model.data_preprocessor.get('mean') is None


def test_no_config_repeats_another():
    """House style: a leaf config is short, and no long line of its settings stands in a second one."""
    seen = {}
    for path in CONFIGS:
        text = path.read_text()
        body = text[text.index('"""', 3) + 3 :]
        for line in body.splitlines():
            line = line.strip()
            if len(line) > 60 and not line.startswith('_base_'):
                assert line not in seen, f'{path.name} repeats {seen[line]}: {line}'
                seen[line] = path.name
