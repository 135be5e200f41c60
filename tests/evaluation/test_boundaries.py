"""Boundary F-scores against distances of every pair of pixels (scipy), and by hand."""

import numpy as np
import pytest
import torch
from mmseg.registry import METRICS
from scipy.ndimage import binary_erosion
from scipy.spatial.distance import cdist

from mmseg_vitseg.evaluation.boundaries import boundary, boundary_scores

IGNORED = 255


def squares(shift, side=12, size=32):
    labels = np.zeros((size, size), np.int64)
    labels[8 : 8 + side, 8 + shift : 8 + shift + side] = 1
    return labels


def brute_force(labels, truth, index, distance):
    """scipy's own: a class's pixels less those that an erosion by a cross leaves."""
    edges = []
    for one in (labels, truth):
        inside = one == index
        padded = np.pad(inside, 1, mode='edge')  # the border of a picture is no boundary
        edges.append(np.argwhere(inside & ~binary_erosion(padded)[1:-1, 1:-1]))
    between = cdist(*edges)
    precision, recall = (between.min(axis) <= distance for axis in (1, 0))
    return 2 * precision.mean() * recall.mean() / (precision.mean() + recall.mean())


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('tolerance', [0.0075, 0.03, 0.1])
def test_as_by_every_pair_of_pixels(seed, tolerance):
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.integers(3, size=(5, 7)), np.ones((9, 8), np.int64))
    labels = np.where(rng.random(truth.shape) < 0.05, 2, np.roll(truth, seed + 1, axis=1))
    found = boundary_scores(labels, truth, 3, tolerance)
    near = tolerance * np.hypot(*truth.shape)
    np.testing.assert_allclose(found, [brute_force(labels, truth, index, near) for index in range(3)])


@pytest.mark.parametrize(
    ('shift', 'tolerance', 'score'),
    [
        (0, 0.0075, 1.0),
        (1, 0.0075, 22 / 44),  # of 44 pixels around the square, two rows of 11 lie on those of the other
        (1, 0.023, 1.0),  # 1.04 pixels
    ],
)
def test_by_hand(shift, tolerance, score):
    assert boundary_scores(squares(shift), squares(0), 2, tolerance)[1] == pytest.approx(score)


def test_missing_filling_and_ignored():
    truth = squares(0)
    scores = boundary_scores(np.zeros_like(truth), truth, 3, 0.0075)
    assert scores[0] == scores[1] == 0 and np.isnan(scores[2])
    assert np.isnan(boundary_scores(np.zeros_like(truth), np.zeros_like(truth), 1, 0.0075)).all()
    ring = truth.copy()
    ring[6:22, 6:22] = np.where(truth[6:22, 6:22] == 1, 1, IGNORED)  # a band without truth around the square
    assert not boundary(ring == 1, ring != IGNORED).any()


def test_as_a_metric_of_a_config():
    metric = METRICS.build(dict(type='mmseg_vitseg.BoundaryMetric', prefix='boundary'))
    metric.dataset_meta = dict(classes=('ground', 'square'))
    for shift in (0, 1):
        sample = {
            name: dict(data=torch.from_numpy(squares(by))[None])
            for name, by in (('pred_sem_seg', shift), ('gt_sem_seg', 0))
        }
        metric.process({}, [sample])
    ground = boundary_scores(squares(1), squares(0), 2, 0.0075)[0]
    assert metric.evaluate(2) == {'boundary/mBF': pytest.approx(100 * ((1 + ground) / 2 + 0.75) / 2, abs=0.01)}
