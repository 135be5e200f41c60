"""Two models side by side on the same pictures: image, truth, A, B, and where they differ. H W size in pixels, K classes."""

import copy
import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.logging import print_log
from mmseg.registry import DATASETS
from PIL import Image
from torch import nn

from mmseg_vitseg.config.datasets import classes_of, datasets_in
from mmseg_vitseg.datasets.reader import MASK_PATH
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.inference.evaluators import ignored_label
from mmseg_vitseg.inference.maps import predict_prepared
from mmseg_vitseg.inference.model import prepare, shown_picture
from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.pictures.drawing import UNKNOWN, label_colours
from mmseg_vitseg.pictures.sheets import captioned

WRONG = (220, 30, 40)  # where A and B differ


@dataclass(frozen=True)
class Compared:
    """One picture.

    Args:
        name: the file's.
        picture: (H, W, 3), uint8, RGB.
        truth: (H, W), or None where it is not known.
        a: A's label map (H, W).
        b: B's.
        ignored: the label of the truth that does not count.
        classes: how many there are; None where ``truth`` has no other labels.
    """

    name: str
    picture: np.ndarray
    truth: np.ndarray | None
    a: np.ndarray
    b: np.ndarray
    ignored: int = IGNORED
    classes: int | None = None

    @property
    def disagreement(self) -> float:
        """The share of pixels, of those that count, to which A and B give different classes."""
        differ = self.a != self.b
        differ = differ if self.truth is None else differ[self.truth != self.ignored]
        return float(differ.mean()) if differ.size else 0.0

    def m_iou(self, labels: np.ndarray) -> str:
        """Return the mean IoU of A's or B's labels as text, in percent; nothing where the truth is not known."""
        if self.truth is None:
            return ''
        return f'mIoU {100 * mean_iou(labels, self.truth, self.ignored, self.classes):.1f}'


def samples_of(cfg: Config) -> Iterator[tuple[str, Callable[[], dict]]]:
    """Yield each test picture's file name, and how to get what the data set knows of it, which can be prepared.

    Raises:
        FileNotFoundError: the data are not there.
        ValueError: several data sets whose pictures are prepared in several ways, or a wrapper that does not name pictures.
    """
    loader = copy.deepcopy(cfg.get('test_dataloader'))
    inside = datasets_in(Config(dict(test_dataloader=loader), filename=cfg.filename), 'test_dataloader')
    if any(one.get('pipeline') != inside[0].get('pipeline') for one in inside):
        raise ValueError(
            f'{cfg.filename}: the {len(inside)} data sets of test_dataloader have not one pipeline; give them the same, or '
            'name one of them alone: test_dataloader.dataset'
        )
    for one in inside:
        one.pipeline = []  # each model runs its own
    dataset = DATASETS.build(loader.dataset)
    if not callable(getattr(dataset, 'get_data_info', None)):
        raise ValueError(
            f'{cfg.filename}: {type(dataset).__name__} has no get_data_info, so its pictures have no names'
        )
    for index in range(len(dataset)):
        yield dataset.get_data_info(index)['img_path'], partial(dataset.get_data_info, index)


def truth_of(prepared: dict) -> np.ndarray | None:
    """Return a prepared picture's truth (H, W), int64; None where the pipeline loads none."""
    truth = prepared['data_samples'].get('gt_sem_seg')
    return None if truth is None else truth.data[0].numpy()


def compare_named(a: nn.Module, b: nn.Module, paths: Sequence[str | Path]) -> Iterator[Compared]:
    """Compare on files, one after the other; their truth is known where they are of A's test data.

    Raises:
        FileNotFoundError, ValueError: a file is missing or no picture.
    """
    try:
        known = {Path(path).resolve(): info for path, info in samples_of(a.cfg)}
    except (FileNotFoundError, ValueError) as error:  # pictures of one's own need no data set
        print_log(f'No truth to compare with: {first_line(error)}', logger='current')
        known = {}
    ignored = ignored_label(a.cfg)
    for path in paths:
        info = known.get(Path(path).resolve())
        yield _compare(a, b, path, path if info is None else info(), ignored)


def compare_most_different(
    a: nn.Module, b: nn.Module, count: int, track: Callable[[Sequence], Iterable] = iter
) -> list[Compared]:
    """Compare on A's whole test data and return the pictures on which A and B differ most, the first the most.

    Args:
        a, b: :func:`~mmseg_vitseg.inference.model.load_model`'s.
        count: how many to return.
        track: wraps the pictures, to show progress.
    """
    best: list[tuple[float, int, Compared]] = []
    ignored = ignored_label(a.cfg)
    for index, (path, info) in enumerate(track(list(samples_of(a.cfg)))):
        one = _compare(a, b, path, info(), ignored)
        heapq.heappush(best, (one.disagreement, -index, one))
        if len(best) > count:
            heapq.heappop(best)
    return [one for _, _, one in sorted(best, key=lambda entry: entry[:2], reverse=True)]


def _compare(a: nn.Module, b: nn.Module, path: str | Path, source: str | Path | dict, ignored: int) -> Compared:
    """Compare on a file, or on a picture of A's test data; each model's config says how it is read."""
    of_a = prepare(a, source)
    if isinstance(source, dict):  # whose truth A has read
        source = {name: value for name, value in source.items() if name != MASK_PATH}
    labels = predict_prepared(a, of_a), predict_prepared(b, prepare(b, source))
    classes = len(a.dataset_meta['classes'])
    return Compared(Path(path).name, shown_picture(a, of_a), truth_of(of_a), *labels, ignored, classes)


def mean_iou(labels: np.ndarray, truth: np.ndarray, ignored: int = IGNORED, classes: int | None = None) -> float:
    """Return the mean, over the classes in ``truth`` (H, W), of intersection over union.

    Args:
        labels, truth: (H, W).
        ignored: the label of the truth whose pixels are left out.
        classes: how many there are; what is predicted where the truth has other labels is wrong, as in the host's metric.
    """
    counted = truth != ignored
    labels, truth = labels[counted], truth[counted]
    ious = []
    for index in np.unique(truth):
        if classes is None or 0 <= index < classes:
            predicted, real = labels == index, truth == index
            ious.append((predicted & real).sum() / (predicted | real).sum())
    return float(np.mean(ious)) if ious else float('nan')


def check_classes(a: Config, b: Config) -> None:
    """Check that two configs' data sets have the same classes.

    Raises:
        ValueError: they have not.
    """
    first, second = classes_of(a)[0], classes_of(b)[0]
    if first != second:
        raise ValueError(f'A has the classes {", ".join(first)}, B {", ".join(second)}: only the same can be compared')


def sheet(
    comparisons: Iterable[Compared], palette: np.ndarray, names: tuple[str, str], height: int = 160
) -> Image.Image:
    """Draw one row a picture: image, truth, A, B, difference, with each prediction's mean IoU.

    Args:
        comparisons: the rows; of an iterator one at a time is held.
        palette: (K, 3), uint8, RGB.
        names: of A and B.
        height: of a picture, in pixels.
    """
    colours = label_colours(palette)

    def row(one: Compared) -> tuple[list[np.ndarray], list[str]]:
        grey = np.repeat(one.picture.mean(2, keepdims=True).astype(np.uint8) // 2 + 100, 3, 2)
        grey[one.a != one.b] = WRONG
        truth = np.full_like(one.picture, UNKNOWN) if one.truth is None else colours[one.truth]
        panels = [one.picture, truth, colours[one.a], colours[one.b], grey]
        captions = [
            one.name,
            'truth' if one.truth is not None else 'truth not known',
            f'{names[0]}  {one.m_iou(one.a)}',
            f'{names[1]}  {one.m_iou(one.b)}',
            f'differ on {100 * one.disagreement:.1f} %',
        ]
        return panels, captions

    return captioned(map(row, comparisons), height)
