"""A model on its whole test data."""

import numpy as np
import pytest

from mmseg_vitseg.reporting.evaluating import evaluate
from mmseg_vitseg.reporting.scores import scores_of


def test_scores_are_those_of_the_hosts_own_test(model, host_scores):
    seen = []
    evaluation = evaluate(model, 2, lambda items: (seen.append(item) or item for item in items))
    scores = scores_of(evaluation.confusion)
    assert host_scores(model) == dict(
        aAcc=f'{scores.a_acc:.2f}', mIoU=f'{scores.m_iou:.2f}', mAcc=f'{scores.m_acc:.2f}'
    )
    assert len(seen) == evaluation.pictures == 5
    assert evaluation.confusion.sum() == 5 * 64 * 64


@pytest.mark.parametrize(('count', 'kept'), [(0, (0, 0)), (2, (2, 2)), (9, (3, 2))])
def test_the_best_and_the_worst(model, count, kept):
    evaluation = evaluate(model, count)
    best, worst = ([one.m_iou for one in examples] for examples in (evaluation.best, evaluation.worst))
    assert (len(best), len(worst)) == kept
    assert best == sorted(best, reverse=True)
    assert worst == sorted(worst)
    assert not worst or worst[-1] < best[-1]
    assert len({one.name for one in evaluation.best + evaluation.worst}) == sum(kept)


def test_data_without_truth(model):
    model.cfg.test_dataloader.dataset.pipeline = [
        step for step in model.cfg.test_dataloader.dataset.pipeline if step.type != 'LoadAnnotations'
    ]
    with pytest.raises(ValueError, match='without truth'):
        evaluate(model, 1)


def test_several_data_sets(model):
    one = model.cfg.test_dataloader.dataset
    model.cfg.test_dataloader.dataset = dict(type='ConcatDataset', datasets=[one, one])
    with pytest.raises(ValueError, match='a ConcatDataset of several data sets'):
        evaluate(model, 1)
    model.cfg.test_dataloader.dataset = dict(type='ConcatDataset', datasets=[one])
    assert evaluate(model, 0).pictures == 5


def test_pictures_of_which_nothing_counts_are_not_ranked(model, monkeypatch):
    monkeypatch.setattr('mmseg_vitseg.reporting.evaluating.mean_iou', lambda labels, truth: float('nan'))
    evaluation = evaluate(model, 2)
    assert evaluation.best == evaluation.worst == []
    assert np.isfinite(scores_of(evaluation.confusion).m_iou)
