"""The config of "Efficient image segmentation, part 4" is the article's to the letter."""

import pytest
import torch
from torch import nn

from vitseg_tests.our_configs import build, our_config


@pytest.fixture(scope='module')
def article():
    return our_config('vit_linear_pet')


def test_the_articles_size_and_no_convolution(article):
    model = build(article)
    assert sum(p.numel() for p in model.parameters()) == 86_284_806  # published: 86.28 M
    assert not any(isinstance(module, nn.modules.conv._ConvNd) for module in model.modules())


def test_the_articles_shapes(article):
    """The shapes that a (1, 3, 128, 128) image walks through."""
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
