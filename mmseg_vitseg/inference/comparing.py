"""Two models side by side on the same pictures: image, truth, A, B, and where they differ. H W size in pixels, K classes."""

import copy
import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmseg.registry import DATASETS
from PIL import Image, ImageDraw
from torch import nn

from mmseg_vitseg.inference.model import classes_of, dataset_of, is_loading, predict
from mmseg_vitseg.inference.pictures import read_picture

IGNORED = 255  # labels of pixels that do not count
GAP = 6  # pixels between panels
CAPTION = 18  # pixels of a line of text
WRONG = (220, 30, 40)  # where A and B differ


@dataclass(frozen=True)
class Comparison:
    """One picture.

    Args:
        name: the file's.
        picture: (H, W, 3), uint8, RGB.
        truth: (H, W), or None where it is not known.
        a: A's label map (H, W).
        b: B's.
    """

    name: str
    picture: np.ndarray
    truth: np.ndarray | None
    a: np.ndarray
    b: np.ndarray

    @property
    def disagreement(self) -> float:
        """The share of pixels, of those that count, to which A and B give different classes."""
        differ = self.a != self.b
        differ = differ if self.truth is None else differ[self.truth != IGNORED]
        return float(differ.mean()) if differ.size else 0.0


def samples_of(cfg: Config) -> Iterator[tuple[str, Callable[[], tuple[np.ndarray, np.ndarray]]]]:
    """Yield each test picture's file name, and how to load it and its truth: (H, W, 3) uint8 RGB and (H, W)."""
    settings = copy.deepcopy(dataset_of(cfg))
    settings.pipeline = [step for step in settings.pipeline if is_loading(step.type)]
    dataset = DATASETS.build(settings)

    def load(index: int) -> tuple[np.ndarray, np.ndarray]:
        sample = dataset[index]
        return np.ascontiguousarray(sample['img'][..., ::-1]), sample['gt_seg_map'].astype(np.int64)

    for index in range(len(dataset)):
        yield dataset.get_data_info(index)['img_path'], lambda index=index: load(index)


def compare_named(a: nn.Module, b: nn.Module, paths: Sequence[str | Path]) -> list[Comparison]:
    """Compare on files; their truth is known where they are of A's test data.

    Raises:
        FileNotFoundError, ValueError: a file is missing or no picture.
    """
    known = {}
    with suppress(FileNotFoundError):  # pictures of one's own need no data set
        known = {Path(path).resolve(): load for path, load in samples_of(a.cfg)}
    found = []
    for path in paths:
        load = known.get(Path(path).resolve())
        picture, truth = (read_picture(path), None) if load is None else load()
        found.append(_compare(a, b, path, picture, truth))
    return found


def compare_most_different(
    a: nn.Module, b: nn.Module, count: int, track: Callable[[Sequence], Iterator] = iter
) -> list[Comparison]:
    """Compare on A's whole test data and return the pictures on which A and B differ most, the first the most.

    Args:
        a, b: :func:`~mmseg_vitseg.inference.model.load_model`'s.
        count: how many to return.
        track: wraps the pictures, to show progress.
    """
    best: list[tuple[float, int, Comparison]] = []
    for index, (path, load) in enumerate(track(list(samples_of(a.cfg)))):
        picture, truth = load()
        one = _compare(a, b, path, picture, truth)
        heapq.heappush(best, (one.disagreement, -index, one))
        if len(best) > count:
            heapq.heappop(best)
    return [one for _, _, one in sorted(best, key=lambda entry: entry[:2], reverse=True)]


def _compare(a: nn.Module, b: nn.Module, path: str | Path, picture: np.ndarray, truth: np.ndarray | None) -> Comparison:
    return Comparison(Path(path).name, picture, truth, predict(a, picture), predict(b, picture))


def mean_iou(labels: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean, over the classes in ``truth`` (H, W), of intersection over union, ignored pixels left out."""
    counted = truth != IGNORED
    labels, truth = labels[counted], truth[counted]
    ious = []
    for index in np.unique(truth):
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
    comparisons: Sequence[Comparison], palette: np.ndarray, names: tuple[str, str], height: int = 160
) -> Image.Image:
    """Draw one row a picture: image, truth, A, B, difference, with each prediction's mean IoU.

    Args:
        comparisons: the rows.
        palette: (K, 3), uint8, RGB.
        names: of A and B.
        height: of a picture, in pixels.
    """
    colours = np.zeros((max(256, len(palette)), 3), np.uint8)  # what is ignored is black
    colours[: len(palette)] = palette
    rows = []
    for one in comparisons:
        grey = np.repeat(one.picture.mean(2, keepdims=True).astype(np.uint8) // 2 + 100, 3, 2)
        grey[one.a != one.b] = WRONG
        truth = np.full_like(one.picture, 235) if one.truth is None else colours[one.truth]
        panels = [one.picture, truth, colours[one.a], colours[one.b], grey]
        scores = (
            [''] * 2 if one.truth is None else [f'  mIoU {100 * mean_iou(x, one.truth):.1f}' for x in (one.a, one.b)]
        )
        captions = [
            one.name,
            'truth' if one.truth is not None else 'truth not known',
            names[0] + scores[0],
            names[1] + scores[1],
            f'differ on {100 * one.disagreement:.1f} %',
        ]
        rows.append((panels, captions))
    sizes = [_panel(one.picture.shape, height) for one in comparisons]
    column = max(180, *(width for width, _ in sizes)) + GAP
    picture = Image.new('RGB', (5 * column + GAP, len(rows) * (height + CAPTION + GAP) + GAP), 'white')
    draw = ImageDraw.Draw(picture)
    for row, (panels, captions) in enumerate(rows):
        top = GAP + row * (height + CAPTION + GAP)
        for index, (panel, caption) in enumerate(zip(panels, captions, strict=True)):
            left = GAP + index * column
            draw.text((left, top + 2), _fit(draw, caption, column - GAP), fill='black')
            resample = Image.Resampling.BILINEAR if index == 0 else Image.Resampling.NEAREST
            picture.paste(Image.fromarray(panel).resize(sizes[row], resample), (left, top + CAPTION))
    return picture


def _panel(shape: tuple[int, ...], height: int) -> tuple[int, int]:
    """Return the width and height at which a picture is shown: ``height``, but no wider than eight times that."""
    scale = min(height / shape[0], 8 * height / shape[1])
    return max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))


def _fit(draw: ImageDraw.ImageDraw, text: str, width: int) -> str:
    """Shorten a text in its middle to ``width`` pixels."""
    keep = len(text)
    while draw.textlength(text) > width and keep > 4:
        keep -= 1
        text = f'{text[: keep // 2]}..{text[-(keep // 2) :]}'
    return text
