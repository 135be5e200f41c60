"""tools/compare.py and what it draws."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image

from mmseg_vitseg.inference.comparing import (
    WRONG,
    Compared,
    check_classes,
    compare_most_different,
    compare_named,
    mean_iou,
    sheet,
)
from mmseg_vitseg.inference.model import load_model
from vitseg_tests.paths import config_path
from vitseg_tests.user_errors import check_user_error
from vitseg_tests.weights import randomise

LENGTH = {'test_dataloader.dataset.length': 5}


@pytest.fixture
def models(tmp_path):
    """Checkpoints of two random models of quickstart.py, which tell classes apart."""
    paths = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        model = randomise(MODELS.build(Config.fromfile(config_path('quickstart')).model))
        paths.append(tmp_path / f'{seed}.pth')
        torch.save(model.state_dict(), paths[-1])
    return paths


def test_the_most_different_come_first(models):
    a, b = (load_model(config_path('quickstart'), path, 'cpu', LENGTH) for path in models)
    everything = compare_most_different(a, b, 5)
    shares = [one.disagreement for one in everything]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1]
    assert [one.name for one in compare_most_different(a, b, 2)] == [one.name for one in everything[:2]]
    for one in everything:
        assert one.picture.shape == (64, 64, 3)
        assert one.truth.shape == one.a.shape == one.b.shape == (64, 64)
    assert not any(one.disagreement for one in compare_most_different(a, a, 5))


def test_the_tool(run_tool, models, tmp_path):
    pairs = [['--a', config_path('quickstart'), models[0]], ['--b', config_path('quickstart'), models[1]]]
    options = ['--count', 3, '--cfg-options', 'test_dataloader.dataset.length=5']
    result = run_tool('compare.py', *pairs[0], *pairs[1], '--out', tmp_path / 'x/c.png', *options)
    assert result.stdout.count('differ on') == 3
    with Image.open(tmp_path / 'x/c.png') as drawn:
        assert drawn.size[1] > 3 * 160
    Image.fromarray(np.zeros((30, 50, 3), np.uint8)).save(tmp_path / 'own.png')
    result = run_tool('compare.py', *pairs[0], *pairs[1], '--out', tmp_path / 'own_c.jpg', tmp_path / 'own.png')
    assert 'own.png' in result.stdout


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        (['--out', 'c.txt'], ['--out c.txt']),
        (['--out', 'c.png', '--count', 0], ['--count: 0']),
        (['--out', 'c.png', 'nowhere.jpg'], ['nowhere.jpg', 'no such file']),
    ],
)
def test_mistakes_are_one_line(run_tool, models, options, words):
    config = config_path('quickstart')
    result = run_tool('compare.py', '--a', config, models[0], '--b', config, models[1], *options, check=False)
    check_user_error(result, *words)


def test_other_classes_cannot_be_compared(config):
    with pytest.raises(ValueError, match='A has the classes pet, background, border, B'):
        check_classes(Config.fromfile(config), Config.fromfile(config_path('quickstart')))


def test_a_picture_of_ones_own(config, checkpoint, tmp_path):
    """The config's data set is not there, and need not be."""
    Image.fromarray(np.zeros((30, 50, 3), np.uint8)).save(tmp_path / 'own.png')
    model = load_model(config, checkpoint)
    (one,) = compare_named(model, model, [tmp_path / 'own.png'])
    assert one.truth is None
    assert one.disagreement == 0


def test_mean_iou():
    truth = np.array([[0, 0, 1, 255]])
    assert mean_iou(np.array([[0, 1, 1, 0]]), truth) == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert mean_iou(truth, truth) == 1
    assert np.isnan(mean_iou(truth, np.full((1, 4), 255)))


def test_mean_iou_with_another_ignored_label():
    truth, labels = np.array([[0, 0, 1, 255, 1]]), np.array([[1, 0, 1, 1, 0]])
    assert mean_iou(labels, truth, ignored=0, classes=2) == pytest.approx(1 / 3)
    one = Compared('x', np.zeros((1, 5, 3), np.uint8), truth, labels, truth % 254, ignored=0, classes=2)
    assert (one.m_iou(labels), one.disagreement) == ('mIoU 33.3', 1 / 3)


def test_all_data_sets_of_several(models):
    cfg = Config.fromfile(config_path('quickstart'))
    one = dict(cfg.test_dataloader.dataset, length=2)
    cfg.test_dataloader.dataset = dict(type='ConcatDataset', datasets=[one, dict(one, length=3, seed=5)])
    cfg.test_evaluator.ignore_index = 0
    a, b = (load_model(cfg, path, 'cpu') for path in models)
    found = compare_most_different(a, b, 9)
    assert len(found) == 5
    assert {comparison.ignored for comparison in found} == {0}


def test_a_picture_of_which_nothing_counts():
    zeros = np.zeros((2, 2), np.int64)
    assert Compared('x', np.zeros((2, 2, 3), np.uint8), zeros + 255, zeros, zeros + 1).disagreement == 0


def test_the_sheet_marks_where_they_differ():
    labels = np.zeros((20, 40), np.int64)
    other = labels.copy()
    other[:, :10] = 1
    picture = np.full((20, 40, 3), 128, np.uint8)
    palette = np.array([[0, 200, 0], [0, 0, 200]], np.uint8)
    one = Compared('x.png', picture, labels, labels, other)
    drawn = np.array(sheet([one], palette, ('a', 'b'), height=20))
    assert one.disagreement == 0.25
    assert (drawn == WRONG).all(2).sum() == 10 * 20
    assert (drawn == (0, 0, 200)).all(2).sum() == 10 * 20
