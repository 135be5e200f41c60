"""The report as one HTML page that needs nothing else: no network, no script. H W size in pixels, K classes."""

import base64
import io
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from jinja2 import Environment, StrictUndefined
from PIL import Image
from torch import nn

from mmseg_vitseg.checkpoints.fetch import local_file
from mmseg_vitseg.config.datasets import classes_of, datasets_in
from mmseg_vitseg.pictures.drawing import label_colours, overlay
from mmseg_vitseg.reporting import curves
from mmseg_vitseg.reporting.evaluating import Example, evaluate
from mmseg_vitseg.reporting.log import read_log
from mmseg_vitseg.reporting.provenance import describe_checkpoint, environment
from mmseg_vitseg.reporting.scores import Scores, largest_confusions, row_shares

OPACITY = 0.6  # of the classes' colours over a picture
LONGEST = 480  # pixels of a picture's longer side in the page
TABLE = 24  # classes up to which the confusion matrix is a table with figures, not a picture
CONFUSIONS = 10  # how many are listed


def make_page(
    model: nn.Module, checkpoint: str | Path, count: int, track: Callable[[Sequence], Iterable] = iter
) -> tuple[str, Scores]:
    """Evaluate a model on its config's test data and describe it.

    Args:
        model: :func:`~mmseg_vitseg.inference.model.load_model`'s.
        checkpoint: what it was loaded from; the log is looked for beside it.
        count: how many of the best and of the worst pictures are shown.
        track: wraps the test data, to show progress.

    Returns:
        the page, and the scores in it.

    Raises:
        FileNotFoundError, ValueError: as :func:`~mmseg_vitseg.reporting.evaluating.evaluate`.
    """
    evaluation = evaluate(model, count, track)
    scores = evaluation.scores
    names, palette = classes_of(model.cfg)
    kinds = dict.fromkeys(str(one.type) for one in datasets_in(model.cfg, 'test_dataloader'))
    file = local_file(checkpoint)
    log = read_log(file.parent)
    charts = curves.charts_of(log)
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = template.from_string(Path(__file__).with_name('page.html').read_text(encoding='utf-8')).render(
        title=Path(model.cfg.filename or 'model').stem,
        subtitle=file.name,
        data=f'{" + ".join(kinds)}, {evaluation.pictures} pictures',
        scores=scores.printed,
        classes=class_rows(evaluation.confusion, scores, names, palette),
        absent=[name for name, iou in zip(names, scores.iou, strict=True) if math.isnan(iou)],
        confusion=confusion_of(evaluation.confusion, names),
        mistakes=largest_confusions(evaluation.confusion, names, CONFUSIONS),
        reliability=evaluation.reliability,
        charts=charts,
        chart=curves,
        runs=[str(path) for path in log.runs],
        folder=str(file.parent),
        worst=[shown(one, palette) for one in evaluation.worst],
        best=[shown(one, palette) for one in evaluation.best],
        facts={'Checkpoint': describe_checkpoint(file, model), 'This report': environment(device_of(model))},
        config=model.cfg.pretty_text,
    )
    return page, scores


def class_rows(confusion: np.ndarray, scores: Scores, names: list[str], palette: np.ndarray) -> list[dict]:
    """Return a row for each class that occurs, the highest IoU first."""
    share = 100 * confusion.sum(1) / max(confusion.sum(), 1)
    rows = [
        dict(
            name=name,
            colour=f'rgb({", ".join(map(str, palette[index]))})',
            iou=scores.iou[index],
            acc=None if math.isnan(scores.acc[index]) else scores.acc[index],
            share=share[index],
        )
        for index, name in enumerate(names)
        if not math.isnan(scores.iou[index])
    ]
    return sorted(rows, key=lambda row: -row['iou'])


def confusion_of(confusion: np.ndarray, names: list[str]) -> dict:
    """Return a confusion matrix (K, K) as shares of each true class: a table's rows, or a picture where K is large."""
    shares = row_shares(confusion)
    if len(names) <= TABLE:
        return dict(names=names, rows=list(zip(names, shares.tolist(), confusion.sum(1).tolist(), strict=True)))
    weight = (shares / 100)[..., None] ** 0.5  # so that what is rare is seen
    blue = np.round(255 * (1 - weight) + np.array([29, 78, 216]) * weight).astype(np.uint8)
    scale = max(1, 600 // len(names))
    return dict(
        names=names, picture=data_uri(Image.fromarray(np.kron(blue, np.ones((scale, scale, 1), np.uint8))), 'PNG')
    )


def shown(example: Example, palette: np.ndarray) -> dict:
    """Return an example as the page shows it: a caption's parts and three pictures."""
    colours = label_colours(palette)
    height, width = example.picture.shape[:2]
    scale = min(1, LONGEST / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    arrays = {
        'image': example.picture,
        'truth': overlay(example.picture, example.truth, colours, OPACITY),
        'prediction': overlay(example.picture, example.labels, colours, OPACITY),
    }
    panels = {name: Image.fromarray(panel).resize(size, Image.Resampling.LANCZOS) for name, panel in arrays.items()}
    return dict(
        name=example.name,
        m_iou=example.m_iou,
        panels={name: data_uri(panel, 'JPEG') for name, panel in panels.items()},
        width=size[0],
        height=size[1],
    )


def data_uri(picture: Image.Image, form: str) -> str:
    """Return a picture as an address that holds it, PNG or JPEG."""
    file = io.BytesIO()
    picture.save(file, form, quality=88)
    return f'data:image/{form.lower()};base64,{base64.b64encode(file.getvalue()).decode()}'


def device_of(model: nn.Module) -> str:
    """Return where a model is."""
    return str(next(model.parameters()).device)
