"""Scores from a confusion matrix: the host's."""

import numpy as np
import pytest
import torch
from mmseg.evaluation import IoUMetric

from mmseg_vitseg.reporting.scores import confusion_matrix, largest_confusions, row_shares, scores_of, without

NAMES = ['a', 'b', 'c', 'd', 'e']


def test_scores_are_the_hosts():
    rng = np.random.default_rng(0)
    metric = IoUMetric()
    metric.dataset_meta = dict(classes=NAMES)
    confusion = np.zeros((5, 5), np.int64)
    for _ in range(3):
        truth = rng.choice([0, 1, 2, 255], (30, 40))
        labels = np.where(rng.random((30, 40)) < 0.4, truth, rng.choice([0, 1, 3], (30, 40))) % 255
        confusion += confusion_matrix(labels, truth, NAMES, 'x')
        sample = dict(pred_sem_seg=dict(data=torch.from_numpy(labels)), gt_sem_seg=dict(data=torch.from_numpy(truth)))
        metric.process({}, [sample])
        areas = [sum(part) for part in zip(*metric.results, strict=True)]
        theirs = {name: 100 * value for name, value in IoUMetric.total_area_to_metrics(*areas).items()}
        ours = scores_of(confusion)
        np.testing.assert_allclose(ours.iou, theirs['IoU'], rtol=1e-6)  # class d is predicted only, e is nowhere
        np.testing.assert_allclose(ours.acc, theirs['Acc'], rtol=1e-6)
    rounded = metric.evaluate(3)
    assert {name: f'{value:.2f}' for name, value in rounded.items()} == dict(
        aAcc=f'{ours.a_acc:.2f}', mIoU=f'{ours.m_iou:.2f}', mAcc=f'{ours.m_acc:.2f}'
    )
    assert np.isnan(ours.iou).tolist() == [False] * 4 + [True]


def test_nothing_counts():
    scores = scores_of(confusion_matrix(np.zeros((2, 2), np.int64), np.full((2, 2), 255), NAMES, 'x'))
    assert np.isnan([scores.a_acc, scores.m_iou, scores.m_acc]).all()


def test_rows_are_truth():
    confusion = confusion_matrix(np.array([[1, 1, 0]]), np.array([[0, 0, 0]]), NAMES[:2], 'x')
    assert confusion.tolist() == [[1, 2], [0, 0]]
    (one,) = largest_confusions(confusion, NAMES[:2], 5)
    assert (one.truth, one.prediction, round(one.share, 3)) == ('a', 'b', 66.667)
    assert row_shares(confusion)[1].tolist() == [0, 0]


def test_another_ignored_label_by_hand():
    """Where 0 does not count, what is predicted where the truth is 255 is wrong: in the host's metric and here."""
    truth, labels = np.array([[0, 0, 1, 255, 1]]), np.array([[1, 0, 1, 1, 0]])
    counts = confusion_matrix(labels, truth, ['a', 'b'], 'x', others=[255])
    assert counts.tolist() == [[1, 1], [1, 1], [0, 1]]
    expected = {255: 100 * (1 / 3 + 1 / 3) / 2, 0: 100 * (0 / 1 + 1 / 3) / 2, 1: 100 * (1 / 2 + 0 / 2) / 2}
    for ignored, m_iou in expected.items():
        metric = IoUMetric(ignore_index=ignored)
        metric.dataset_meta = dict(classes=['a', 'b'])
        sample = dict(pred_sem_seg=dict(data=torch.from_numpy(labels)), gt_sem_seg=dict(data=torch.from_numpy(truth)))
        metric.process({}, [sample])
        ours = scores_of(without(counts, [255], ignored), metric).printed
        assert ours['mIoU'] == pytest.approx(m_iou)
        assert {name: round(value, 2) for name, value in ours.items()} == pytest.approx(
            metric.compute_metrics(metric.results)
        )


@pytest.mark.parametrize(
    ('labels', 'truth', 'words'),
    [
        ([[0, 7]], [[0, 0]], r'x\.png: the model predicts class 7; the data set has 5: 0 \(a\) to 4 \(e\)'),
        ([[0, 0]], [[0, 200]], r'x\.png: its truth holds class 200'),
        ([[0, 0]], [[0]], r'x\.png: the picture is 2 x 1 pixels, its truth 1 x 1'),
    ],
)
def test_values_that_are_no_class(labels, truth, words):
    with pytest.raises(ValueError, match=words):
        confusion_matrix(np.array(labels), np.array(truth), NAMES, 'x.png')
