"""A model on its whole test data."""

import numpy as np
import pytest
from mmseg.datasets.transforms import LoadAnnotations

from mmseg_vitseg.reporting.evaluating import evaluate
from mmseg_vitseg.reporting.scores import scores_of
from vitseg_tests.host_scores import host_scores


def test_scores_are_those_of_the_hosts_own_test(model):
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
    model.cfg.test_dataloader.dataset = dict(
        type='ConcatDataset', datasets=[dict(type='RepeatDataset', times=2, dataset=one), dict(one, seed=9, length=3)]
    )
    evaluation = evaluate(model, 0)
    assert evaluation.pictures == 2 * 5 + 3
    assert rounded(evaluation) == host_scores(model)
    model.cfg.test_dataloader.dataset.datasets[1].pipeline = [*one.pipeline, dict(type='RandomFlip', prob=1.0)]
    with pytest.raises(ValueError, match='the 2 data sets of test_dataloader have not one pipeline'):
        evaluate(model, 1)


def rounded(evaluation) -> dict[str, str]:
    return {name: f'{value:.2f}' for name, value in evaluation.scores.printed.items()}


@pytest.mark.parametrize(
    'metric',
    [
        dict(ignore_index=0),
        dict(ignore_index=254),
        dict(ignore_index=3, iou_metrics=['mIoU', 'mDice', 'mFscore'], beta=2),
        dict(iou_metrics='mDice'),
        dict(iou_metrics=['mFscore'], nan_to_num=0),
        dict(prefix='all'),
        [dict(iou_metrics=['mIoU']), dict(iou_metrics=['mFscore'], ignore_index=0, prefix='object')],
    ],
    ids=str,
)
def test_scores_are_the_metrics(model, monkeypatch, metric):
    """As the config's test_evaluator has them, of masks with a class that is not there, with 255 and with 254."""
    transform = LoadAnnotations.transform

    def others(self, results):
        mask = transform(self, results)['gt_seg_map']
        mask[mask == 2] = 1
        mask[:9], mask[9:12] = 255, model.decode_head.ignore_index
        return results

    monkeypatch.setattr(LoadAnnotations, 'transform', others)
    model.decode_head.ignore_index = 254
    one = dict(type='IoUMetric', iou_metrics=['mIoU'])
    several = isinstance(metric, list)
    model.cfg.test_evaluator = [dict(one, **each) for each in metric] if several else dict(one, **metric)
    assert rounded(evaluate(model, 1)) == host_scores(model)


def test_metrics_that_are_not_iou(model, monkeypatch):
    said = []
    monkeypatch.setattr('mmseg_vitseg.inference.evaluators.print_log', lambda text, **_: said.append(text))
    model.cfg.test_evaluator = [dict(type='DepthMetric')]
    assert set(evaluate(model, 0).scores.printed) == {'aAcc', 'mIoU', 'mAcc'}
    assert 'DepthMetric is for tools/test.py alone' in said[0]


def test_pictures_of_which_nothing_counts_are_not_ranked(model, monkeypatch):
    monkeypatch.setattr('mmseg_vitseg.reporting.evaluating.mean_iou', lambda *_: float('nan'))
    evaluation = evaluate(model, 2)
    assert evaluation.best == evaluation.worst == []
    assert np.isfinite(scores_of(evaluation.confusion).m_iou)


def test_calibration_is_that_of_the_test(model):
    """tools/test.py's metric, of the host's own loop, on the device of the model."""
    evaluation = evaluate(model, 0)
    model.test_cfg.confidence = True
    model.cfg.test_evaluator = dict(type='mmseg_vitseg.CalibrationMetric')
    assert host_scores(model) == dict(ECE=f'{100 * evaluation.reliability.error:.2f}')
    assert evaluation.reliability.pixels == evaluation.confusion.sum()
