"""Classes of a checkpoint against those of the data that it is tested on."""

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from torch import nn

from mmseg_vitseg.datasets.class_names import (
    check_tested_classes,
    check_trained_classes,
    class_names_in,
    renumbered,
    same,
)
from mmseg_vitseg.inference.model import load_model
from vitseg_tests.paths import config_path

SHAPES = ('ground', 'disc', 'square', 'triangle')
MANY = [f'class {index}' for index in range(150)]


def config(*tested: str, **others) -> Config:
    dataset = dict(type='BaseSegDataset', metainfo=dict(classes=list(tested)))
    wrapped = dict(type='ConcatDataset', datasets=[dict(type='RepeatDataset', times=2, dataset=dataset)])
    return Config(dict(test_dataloader=dict(dataset=wrapped), **others))


def meta(*trained: str) -> dict:
    return dict(epoch=1, dataset_meta=dict(classes=trained))


@pytest.mark.parametrize(
    ('trained', 'tested', 'words'),
    [
        (SHAPES, SHAPES[::-1], r'x\.pth has 4 classes \(ground, .*\), test_dataloader has 4 classes \(triangle, '),
        (SHAPES, SHAPES[1:3], r'2 classes \(disc, square\)'),
        (SHAPES[:2], SHAPES, '4 classes'),
        (SHAPES, ('ground', 'disc', 'circle', 'square'), 'circle'),  # a class that moved among new ones
        (MANY, [*MANY[:140], MANY[141], MANY[140], *MANY[142:]], r'\(class 140: class 140, class 141\)'),
    ],
)
def test_other_numbers_are_an_error(trained, tested, words):
    with pytest.raises(ValueError, match=words) as caught:
        check_trained_classes(config(*tested), meta(*trained), 'x.pth')
    assert 'same_classes=False' in str(caught.value)
    check_trained_classes(config(*tested, same_classes=False), meta(*trained), 'x.pth')


def test_other_names_are_said(monkeypatch):
    said = []
    monkeypatch.setattr('mmseg_vitseg.datasets.class_names.print_log', lambda text, **_: said.append(text))
    check_trained_classes(config('Boden', 'Kreis'), meta('ground', 'disc'), 'x.pth')
    assert '2 classes (ground, disc), test_dataloader has 2 classes (Boden, Kreis): taken by their numbers' in said[0]
    assert renumbered(('a', 'b'), ('b', 'c'))
    assert not renumbered(('a', 'b'), ('a', 'c'))
    assert same(('bed ', 'Tree'), ('bed', 'tree'))  # of ADE20K, in the host and elsewhere


def test_zero_is_a_class_in_both_or_in_none():
    trained = dict(dataset_meta=dict(classes=SHAPES, reduce_zero_label=True))
    with pytest.raises(ValueError, match=r'x\.pth was trained with reduce_zero_label=True, test_dataloader has False'):
        check_trained_classes(config(*SHAPES), trained, 'x.pth')
    cfg = config(*SHAPES)
    cfg.test_dataloader.dataset.datasets[0].dataset.reduce_zero_label = True
    check_trained_classes(cfg, trained, 'x.pth')
    check_trained_classes(cfg, meta(*SHAPES), 'x.pth')  # of a checkpoint that does not say


def test_fewer_names_than_the_model_predicts():
    model = nn.Module()
    model.num_classes, model.out_channels = 1, 1
    with pytest.raises(ValueError, match=r'predicts 2 classes, the data set names 1; one logit tells two apart'):
        check_tested_classes(config('disc'), model, {}, 'x.pth')
    check_tested_classes(config('ground', 'disc'), model, {}, 'x.pth')
    model.num_classes, model.out_channels = 4, 4
    with pytest.raises(
        ValueError,
        match=r'predicts 4 classes, the data set names 2; num_classes of its heads and metainfo.classes must agree$',
    ):
        check_tested_classes(config('ground', 'disc'), model, {}, 'x.pth')


def test_what_names_no_classes():
    for nothing in ({}, dict(dataset_meta=None), dict(dataset_meta=dict(palette=[])), dict(CLASSES='text')):
        assert class_names_in(nothing) == []
        check_trained_classes(config(*SHAPES), nothing, 'x.pth')
    assert class_names_in(dict(CLASSES=('a', 'b'))) == ['a', 'b']  # the host's before 1.0
    check_trained_classes(Config({}), meta(*SHAPES), 'x.pth')
    there = dict(dataset=dict(type='BaseSegDataset', metainfo=dict(classes='on_another_machine.txt')))
    for training in (None, there):
        check_trained_classes(config(*SHAPES, train_dataloader=training), {}, 'x.pth')
    cfg = config(*SHAPES, train_dataloader=dict(dataset=dict(type='BaseSegDataset', metainfo=dict(classes=['disc']))))
    with pytest.raises(ValueError, match=r'train_dataloader has 1 classes \(disc\)'):
        check_trained_classes(cfg, {}, 'x.pth')


def test_load_model_compares(tmp_path):
    cfg = Config.fromfile(config_path('quickstart'))
    state = MODELS.build(cfg.model).state_dict()
    torch.save(dict(state_dict=state, meta=meta(*SHAPES)), tmp_path / 'x.pth')
    cfg.test_dataloader.dataset.metainfo = dict(classes=SHAPES[::-1])
    with pytest.raises(ValueError, match=r'x\.pth has 4 classes \(ground'):
        load_model(cfg, tmp_path / 'x.pth', 'cpu')
    model = load_model(cfg, tmp_path / 'x.pth', 'cpu', dict(same_classes=False))
    assert model.dataset_meta['classes'] == list(SHAPES[::-1])
