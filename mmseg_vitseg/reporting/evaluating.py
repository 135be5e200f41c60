"""A model on its config's whole test data: one confusion matrix, and the pictures where it does best and worst."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.config import Config
from torch import nn

from mmseg_vitseg.inference.comparing import mean_iou, samples_of, truth_of
from mmseg_vitseg.inference.model import classes_of, predict_prepared, prepare, shown_picture
from mmseg_vitseg.reporting.scores import confusion_matrix


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
        confusion: (K, K), pixels; rows truth, columns prediction.
        pictures: how many there are.
        best: those with the highest mean IoU, the highest first.
        worst: those with the lowest, the lowest first; none that is among the best.
    """

    confusion: np.ndarray
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
    _refuse_several(model.cfg)
    names, _ = classes_of(model.cfg)
    samples = list(samples_of(model.cfg))
    confusion = np.zeros((len(names), len(names)), np.int64)
    ranked: list[tuple[float, int]] = []
    for index, (path, info) in enumerate(track(samples)):
        _, truth, labels = predicted(model, info())
        confusion += confusion_matrix(labels, truth, names, path)
        ranked.append((mean_iou(labels, truth), index))
    ranked = sorted(one for one in ranked if not np.isnan(one[0]))  # NaN: nothing of the picture counts
    half = len(ranked) // 2  # no picture is among both
    best = ranked[half:][::-1][:count]
    worst = ranked[:half][:count]

    def example(m_iou: float, index: int) -> Example:  # seen again, rather than all kept
        path, info = samples[index]
        return Example(Path(path).name, *predicted(model, info()), 100 * m_iou)

    return Evaluation(confusion, len(samples), [example(*one) for one in best], [example(*one) for one in worst])


def predicted(model: nn.Module, info: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a picture of the test data as it is shown, its truth (H, W) and its predicted labels (H, W).

    Raises:
        ValueError: it has no truth.
    """
    prepared = prepare(model, info)
    truth = truth_of(prepared)
    if truth is None:
        raise ValueError(f'{info["img_path"]}: without truth; test_dataloader.dataset.pipeline loads none')
    return shown_picture(model, prepared), truth, predict_prepared(model, prepared)


def _refuse_several(cfg: Config) -> None:
    dataset = cfg.get('test_dataloader', {}).get('dataset', {})
    if len(dataset.get('datasets', [])) > 1:
        raise ValueError(
            f'{cfg.filename}: test_dataloader.dataset is a {dataset.type} of several data sets; a report is on one: '
            'make one of them test_dataloader.dataset'
        )
