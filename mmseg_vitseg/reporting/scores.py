"""Scores from a confusion matrix. H W size in pixels, K classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from mmseg.evaluation import IoUMetric

from mmseg_vitseg.inference.drawing import IGNORED


@dataclass(frozen=True)
class Scores:
    """The host's IoUMetric's scores, in percent; NaN for a class that occurs neither in truth nor in prediction.

    Args:
        a_acc: the share of pixels that are right (aAcc).
        m_iou: the mean of ``iou`` over the classes that have one.
        m_acc: the mean of ``acc`` over the classes that have one.
        iou: (K,), intersection over union of truth and prediction.
        acc: (K,), the share of a class's pixels that are right.
    """

    a_acc: float
    m_iou: float
    m_acc: float
    iou: np.ndarray
    acc: np.ndarray


@dataclass(frozen=True)
class Confusion:
    """Pixels of one class that were taken for another; ``share`` of those of the class, in percent."""

    truth: str
    prediction: str
    share: float


def confusion_matrix(labels: np.ndarray, truth: np.ndarray, names: Sequence[str], file: str) -> np.ndarray:
    """Count pixels (K, K), int64: rows truth, columns prediction; ignored ones are left out.

    Args:
        labels: (H, W), predicted classes.
        truth: (H, W).
        names: the classes'.
        file: the picture's name, for the errors.

    Raises:
        ValueError: maps of two sizes, or a value that is none of the classes.
    """
    if labels.shape != truth.shape:
        raise ValueError(f'{file}: the picture is {_size(labels)} pixels, its truth {_size(truth)}')
    counted = truth != IGNORED
    labels, truth = labels[counted], truth[counted]
    for what, values in (('its truth holds', truth), ('the model predicts', labels)):
        if values.size and values.max() >= len(names):
            raise ValueError(
                f'{file}: {what} class {values.max()}; the data set has {len(names)}: 0 ({names[0]}) to '
                f'{len(names) - 1} ({names[-1]}), and {IGNORED} for pixels that do not count'
            )
    return np.bincount(truth * len(names) + labels, minlength=len(names) ** 2).reshape(len(names), -1)


def scores_of(confusion: np.ndarray) -> Scores:
    """Return the scores that the host's IoUMetric takes from the same counts (K, K), which it keeps in float32."""
    counts = torch.from_numpy(confusion).double()
    right, predicted, real = counts.diag(), counts.sum(0), counts.sum(1)
    with np.errstate(all='ignore'):
        found = IoUMetric.total_area_to_metrics(right, predicted + real - right, predicted, real)
    iou, acc = 100 * found['IoU'], 100 * found['Acc']
    return Scores(100 * float(found['aAcc']), _mean(iou), _mean(acc), iou, acc)


def largest_confusions(confusion: np.ndarray, names: Sequence[str], count: int) -> list[Confusion]:
    """Return the most frequent mistakes of (K, K), as shares of the true class, the largest first."""
    shares = row_shares(confusion)
    np.fill_diagonal(shares, 0)
    order = np.argsort(-shares, axis=None, kind='stable')[:count]
    pairs = [divmod(int(index), len(names)) for index in order]
    return [Confusion(names[row], names[column], shares[row, column]) for row, column in pairs if shares[row, column]]


def row_shares(confusion: np.ndarray) -> np.ndarray:
    """Return each row of (K, K) in percent of its sum; zeros where that is 0."""
    return 100 * confusion / np.maximum(confusion.sum(1, keepdims=True), 1)


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float('nan')


def _size(labels: np.ndarray) -> str:
    return f'{labels.shape[1]} x {labels.shape[0]}'
