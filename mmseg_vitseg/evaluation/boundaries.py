"""How well predicted boundaries follow the true ones. H W size in pixels, K classes."""

from collections.abc import Sequence

import cv2
import numpy as np
from mmengine.evaluator import BaseMetric

from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.registry import METRICS


@METRICS.register_module()
class BoundaryMetric(BaseMetric):
    """Boundary F-score (BF), in percent (Csurka, Larlus, Perronnin and Meylan, BMVC 2013).

    A class's boundary is those of its pixels that touch, at a side, a pixel of another class that counts. Precision is the
    share of the predicted boundary within a distance of the true one, recall that of the true one within it of the
    predicted; a picture's score of a class is their harmonic mean. ``mBF`` is the mean over the classes of the means over
    the pictures that have the class, in truth or prediction; where one of the two lacks it the score is 0, where neither has
    a boundary (a class that fills the picture) there is none.

    Args:
        tolerance: the distance, as a share of the picture's diagonal; the paper's is 0.0075.
        ignore_index: the label of pixels that do not count.
        kwargs: those of mmengine's metrics: ``prefix``, ``collect_device``.
    """

    def __init__(self, *, tolerance: float = 0.0075, ignore_index: int = IGNORED, **kwargs):
        super().__init__(**kwargs)
        self.tolerance = tolerance
        self.ignore_index = ignore_index

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Keep each picture's scores, (K,); of pictures with ``gt_sem_seg`` and ``pred_sem_seg``."""
        count = len(self.dataset_meta['classes'])
        for sample in data_samples:
            labels, truth = (sample[key]['data'].squeeze(0).cpu().numpy() for key in ('pred_sem_seg', 'gt_sem_seg'))
            self.results.append(boundary_scores(labels, truth, count, self.tolerance, self.ignore_index))

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float]:
        """Return ``mBF``."""
        scores = np.stack(results)
        found = [column[~np.isnan(column)] for column in scores.T]
        means = [column.mean() for column in found if column.size]
        return dict(mBF=round(100 * float(np.mean(means)), 2) if means else float('nan'))


def boundary_scores(
    labels: np.ndarray, truth: np.ndarray, count: int, tolerance: float, ignored: int = IGNORED
) -> np.ndarray:
    """Return each class's boundary F-score in one picture, (K,), from 0 to 1; NaN of a class without a boundary.

    Args:
        labels, truth: (H, W), integers.
        count: K.
        tolerance: the distance that counts as right, as a share of the diagonal.
        ignored: the truth of pixels that do not count.
    """
    counted = truth != ignored
    near = tolerance * np.hypot(*truth.shape)
    scores = np.full(count, np.nan)
    for index in range(count):
        predicted, real = (boundary(one == index, counted) for one in (labels, truth))
        if not (predicted.any() or real.any()):
            continue
        precision, recall = (_share_near(one, other, near) for one, other in ((predicted, real), (real, predicted)))
        scores[index] = 2 * precision * recall / max(precision + recall, np.finfo(float).tiny)
    return scores


def boundary(inside: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Return the pixels (H, W) of a class that touch another class at a side; those that do not count touch nothing."""
    inside, outside = inside & counted, ~inside & counted
    touched = np.zeros_like(inside)
    for ahead, behind in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        touched[ahead] |= outside[behind]
        touched[behind] |= outside[ahead]
    return inside & touched


def _share_near(points: np.ndarray, others: np.ndarray, distance: float) -> float:
    """Return the share of points that have one of the others within a distance, in pixels; 0 where there are none."""
    if not (points.any() and others.any()):
        return 0.0
    away = cv2.distanceTransform((~others).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float((away[points] <= distance).mean())
