"""The parts of a scene, one after the other: read, predicted and put together. H W size of a part in pixels."""

from collections.abc import Generator
from contextlib import closing

import numpy as np

from mmseg_vitseg.inference.outputs.confidence import in_16_bits
from mmseg_vitseg.inference.scenes.classifying import Classifier, Row
from mmseg_vitseg.inference.scenes.layout import Plan, Rectangle
from mmseg_vitseg.inference.scenes.partial import Part
from mmseg_vitseg.inference.scenes.results import Numbers
from mmseg_vitseg.inference.scenes.source import Scene
from mmseg_vitseg.inference.threads import ahead


def parts_of(
    scene: Scene, classifier: Classifier, plan: Plan, numbers: Numbers, done: int, *, confidence: bool
) -> Generator[Part, None, None]:
    """Yield the parts of a scene behind those that are done, in the plan's order: the mask, and the confidence if asked for.

    The next row of windows is read while one is predicted, and rows are held until the last part that they reach into.
    """
    for swath in plan.swaths:
        parts = [part for part in plan.parts[done:] if (part.left, part.right) == swath]
        if not parts:
            continue
        lefts = plan.lefts_of(swath)
        edges = lefts[0], lefts[-1] + plan.crop[1]
        tops = plan.tops_of(parts[0].top, parts[-1].bottom)
        rows: dict[int, Row] = {}
        valid: dict[int, np.ndarray] = {}
        with closing(ahead(scene.rows(tops, plan.crop[0], *edges), 1)) as strips:
            from_edge = [left - edges[0] for left in lefts]
            for part in parts:
                reaching = plan.tops_of(part.top, part.bottom)
                rows = {top: row for top, row in rows.items() if top in reaching}
                valid = {top: one for top, one in valid.items() if top in reaching}
                while reaching[-1] not in rows:
                    strip = next(strips)
                    valid[strip['top']] = strip['valid']
                    rows[strip['top']] = classifier.row(strip['pixels'], from_edge, strip['valid'])
                layers = [np.empty(part.size, kind) for kind in (numbers.dtype, *([np.uint16] if confidence else ()))]
                for block in classifier.blocks(part):
                    labels, certain = classifier.labels(rows, lefts, block, confidence=confidence)
                    has_data = _valid_of(block, valid, edges[0])
                    columns = slice(block.left - part.left, block.right - part.left)
                    layers[0][:, columns] = numbers.of(labels, has_data)
                    if certain is not None:
                        layers[1][:, columns] = np.where(has_data, in_16_bits(certain), 0)
                yield Part(part, layers)


def _valid_of(part: Rectangle, strips: dict[int, np.ndarray], left: int) -> np.ndarray:
    """Return where a part has data, of those of the rows of windows, by their first row, which begin at column ``left``."""
    valid = np.empty(part.size, bool)
    for top, strip in strips.items():
        first, stop = max(part.top, top), min(part.bottom, top + len(strip))
        wanted = strip[first - top : stop - top, part.left - left : part.right - left]
        valid[first - part.top : stop - part.top] = wanted
    return valid
