"""benchmarks/article.py: what the article wished for changes what it says it does, and nothing else."""

import pytest

import article
from vitseg_tests.our_configs import build_on_meta


@pytest.mark.parametrize(
    'name, millions, epochs, rate',
    [
        ('article', 86.284806, 50, 4e-4),  # as published: 86.28 M
        ('cnn', 12.671459, 50, 4e-4),
        ('tiny', 5.646534, 50, 4e-4),
        ('tiny_mlp', 6.237126, 50, 4e-4),
        ('tiny_patches', 5.461638, 50, 4e-4),
        ('tiny_epochs', 5.646534, 100, 4e-4),
        ('tiny_rate', 5.646534, 50, 1e-3),
        ('tiny_all', 5.720454, 100, 1e-3),
    ],
)
def test_trainings(name, millions, epochs, rate):
    cfg = article.composed(name)
    assert sum(parameter.numel() for parameter in build_on_meta(cfg).parameters()) / 1e6 == pytest.approx(millions)
    assert (cfg.train_cfg.max_epochs, cfg.optim_wrapper.optimizer.lr) == (epochs, rate)
    published = article.composed('article')
    for key in ('train_dataloader', 'test_dataloader', 'test_evaluator', 'param_scheduler'):
        assert cfg[key] == published[key]


def test_pretrained_weights_are_all_that_differs():
    drawn, pretrained = (article.composed(name) for name in ('drawn', 'pretrained'))
    assert drawn.model.backbone.pop('init_cfg') is None
    assert pretrained.model.backbone.pop('init_cfg').type == 'Pretrained'
    assert drawn.to_dict() == pretrained.to_dict()


def test_table():
    row = dict(title='a', epochs=50, mIoU=60.0, aAcc=85.5, cpu_minutes=None, peak_mb=3000)
    assert list(article.table([row]))[2] == '| a | 50 | 60.00 | 85.50 | resumed, not read | 3000 |'
