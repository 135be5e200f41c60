"""Scores from a confusion matrix. H W size in pixels, K classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from mmseg.evaluation import IoUMetric

from mmseg_vitseg.labels import IGNORED, is_no_class


@dataclass(frozen=True)
class Scores:
    """The host's IoUMetric's scores, in percent; NaN for a class that occurs neither in truth nor in prediction.

    Args:
        a_acc: the share of pixels that are right (aAcc).
        m_iou: the mean of ``iou`` over the classes that have one.
        m_acc: the mean of ``acc`` over the classes that have one.
        iou: (K,), intersection over union of truth and prediction.
        acc: (K,), the share of a class's pixels that are right.
        printed: the means that tools/test.py prints with the same metric, by their names there.
    """

    a_acc: float
    m_iou: float
    m_acc: float
    iou: np.ndarray
    acc: np.ndarray
    printed: dict[str, float]


@dataclass(frozen=True)
class Confusion:
    """Pixels of one class that were taken for another; ``share`` of those of the class, in percent."""

    truth: str
    prediction: str
    share: float


def confusion_matrix(
    labels: np.ndarray, truth: np.ndarray, names: Sequence[str], file: str, others: Sequence[int] = ()
) -> np.ndarray:
    """Count pixels, (K + N, K), int64: rows truth, columns prediction; 255 is left out where nothing is said of it.

    Args:
        labels: (H, W), predicted classes.
        truth: (H, W).
        names: the classes'.
        file: the picture's name, for the errors.
        others: the N values of the truth that are no class, each a row after the classes.

    Raises:
        ValueError: maps of two sizes, or another value that is none of the classes.
    """
    if labels.shape != truth.shape:
        raise ValueError(f'{file}: the picture is {_size(labels)} pixels, its truth {_size(truth)}')
    count, counted = len(names), np.ones(truth.shape, bool) if IGNORED in others else truth != IGNORED
    labels, truth = labels[counted], truth[counted]
    for what, values, known in (('its truth holds', truth, others), ('the model predicts', labels, ())):
        wrong = values[is_no_class(values, count, known)]
        if wrong.size:
            raise ValueError(
                f'{file}: {what} class {wrong.max()}; the data set has {count}: 0 ({names[0]}) to '
                f'{count - 1} ({names[-1]}), and {", ".join(map(str, others)) or IGNORED} for pixels that do not count'
            )
    rows = truth.copy()
    for index, value in enumerate(others):
        rows[truth == value] = count + index
    return np.bincount(rows * count + labels, minlength=(count + len(others)) * count).reshape(-1, count)


def without(counts: np.ndarray, others: Sequence[int], ignored: int) -> np.ndarray:
    """Return the counts of :func:`confusion_matrix` without one label's, ``ignored``: a class or one of ``others``."""
    rows = [*range(counts.shape[1]), *others]
    kept = counts.copy()
    if ignored in rows:
        kept[rows.index(ignored)] = 0
    return kept


def scores_of(confusion: np.ndarray, metric: IoUMetric | None = None) -> Scores:
    """Return the scores that the host's IoUMetric takes from the same counts, which it keeps in float32.

    Args:
        confusion: (K, K), or with more rows, (K + N, K), of truth that is no class: what is predicted there is wrong.
        metric: whose ``printed`` scores are wanted; by default the host's defaults.
    """
    counts = torch.from_numpy(confusion).double()
    classes = counts[: counts.shape[1]]
    right, predicted, real = classes.diag(), counts.sum(0), classes.sum(1)
    areas = right, predicted + real - right, predicted, real
    metric = metric or IoUMetric()
    with np.errstate(all='ignore'):
        found = IoUMetric.total_area_to_metrics(*areas)
        asked = type(metric).total_area_to_metrics(*areas, metric.metrics, metric.nan_to_num, metric.beta)
    iou, acc = 100 * found['IoU'], 100 * found['Acc']
    printed = {name if name == 'aAcc' else f'm{name}': _mean(100 * np.asarray(value)) for name, value in asked.items()}
    if metric.prefix:
        printed = {f'{metric.prefix}/{name}': value for name, value in printed.items()}
    return Scores(100 * float(found['aAcc']), _mean(iou), _mean(acc), iou, acc, printed)


def largest_confusions(confusion: np.ndarray, names: Sequence[str], count: int) -> list[Confusion]:
    """Return the most frequent mistakes of (K, K), as shares of the true class, the largest first."""
    shares = row_shares(confusion[: len(names)])
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
