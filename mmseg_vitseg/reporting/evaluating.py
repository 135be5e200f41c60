"""A model on its config's whole test data: one confusion matrix, and the pictures where it does best and worst."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from mmseg_vitseg.config.datasets import classes_of
from mmseg_vitseg.evaluation.calibration import BINS, Reliability, bin_sums
from mmseg_vitseg.inference.comparing import mean_iou, samples_of, truth_of
from mmseg_vitseg.inference.evaluators import iou_metrics
from mmseg_vitseg.inference.maps import maps_with_confidence, predict_prepared
from mmseg_vitseg.inference.model import prepare, shown_picture
from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.models.prediction import predicting_head
from mmseg_vitseg.reporting.scores import Scores, confusion_matrix, scores_of, without


@dataclass(frozen=True)
class Example:
    """One picture.

    Args:
        name: the file's.
        picture: (H, W, 3), uint8, RGB.
        truth: (H, W).
        labels: (H, W), as predicted.
        m_iou: the mean IoU of this picture, in percent, over the classes that are in its truth.
    """

    name: str
    picture: np.ndarray
    truth: np.ndarray
    labels: np.ndarray
    m_iou: float


@dataclass(frozen=True)
class Evaluation:
    """A model on its test data.

    Args:
        confusion: (K, K), pixels; rows truth, columns prediction; of what the (first) metric of test_evaluator counts.
        scores: the first metric's; ``printed`` are those of all of them.
        reliability: the model's confidence beside its accuracy, of the pixels that the (first) metric counts.
        pictures: how many there are.
        best: those with the highest mean IoU, the highest first.
        worst: those with the lowest, the lowest first; none that is among the best.
    """

    confusion: np.ndarray
    scores: Scores
    reliability: Reliability
    pictures: int
    best: list[Example]
    worst: list[Example]


def evaluate(model: nn.Module, count: int, track: Callable[[Sequence], Iterable] = iter) -> Evaluation:
    """Predict the whole test data.

    Args:
        model: :func:`~mmseg_vitseg.inference.model.load_model`'s.
        count: how many of the best and of the worst pictures to keep.
        track: wraps the pictures, to show progress.

    Raises:
        FileNotFoundError, ValueError: the test data are missing, or have no truth, or values that are none of the classes.
    """
    names, _ = classes_of(model.cfg)
    metrics = iou_metrics(model.cfg)
    ignored = metrics[0].ignore_index
    labels_of_none = {IGNORED, ignored_by(model), *(metric.ignore_index for metric in metrics)}
    others = sorted(labels_of_none - set(range(len(names))))
    samples = list(samples_of(model.cfg))
    counts = np.zeros((len(names) + len(others), len(names)), np.int64)
    ranked: list[tuple[float, int]] = []
    sums = torch.zeros(3, BINS, dtype=torch.float64)
    for index, (path, info) in enumerate(track(samples)):
        prepared, truth = prepared_and_truth(model, info())
        ((labels, confidence),) = maps_with_confidence(model, [prepared])
        counts += confusion_matrix(labels, truth, names, path, others)
        sums += bin_sums(*map(torch.from_numpy, (confidence, labels, truth)), ignored=ignored)
        ranked.append((mean_iou(labels, truth, ignored, len(names)), index))
    best, worst = best_and_worst(ranked, count)

    def example(m_iou: float, index: int) -> Example:  # seen again, rather than all kept
        path, info = samples[index]
        prepared, truth = prepared_and_truth(model, info())
        labels = predict_prepared(model, prepared)
        return Example(Path(path).name, shown_picture(model, prepared), truth, labels, 100 * m_iou)

    found = [scores_of(without(counts, others, metric.ignore_index), metric) for metric in metrics]
    printed = {name: value for one in found for name, value in one.printed.items()}
    return Evaluation(
        without(counts, others, ignored)[: len(names)],
        replace(found[0], printed=printed),
        Reliability(sums),
        len(samples),
        [example(*one) for one in best],
        [example(*one) for one in worst],
    )


def best_and_worst(
    ranked: list[tuple[float, int]], count: int
) -> tuple[list[tuple[float, int]], list[tuple[float, int]]]:
    """Return the ``count`` pictures of the highest mean IoU and those of the lowest, none of which is among both."""
    ranked = sorted(one for one in ranked if not np.isnan(one[0]))  # NaN: nothing of the picture counts
    half = len(ranked) // 2
    return ranked[half:][::-1][:count], ranked[:half][:count]


def ignored_by(model: nn.Module) -> int:
    """Return the label that a model's (last) decode head does not learn, and lets pass."""
    return getattr(predicting_head(model), 'ignore_index', IGNORED)


def prepared_and_truth(model: nn.Module, info: dict) -> tuple[dict, np.ndarray]:
    """Return a picture of the test data as it goes into the model, and its truth (H, W).

    Raises:
        ValueError: it has no truth.
    """
    prepared = prepare(model, info)
    truth = truth_of(prepared)
    if truth is None:
        raise ValueError(f'{info["img_path"]}: without truth; test_dataloader.dataset.pipeline loads none')
    return prepared, truth
