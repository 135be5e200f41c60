"""Scenes, from files to masks; what is done so far is in a file, from which the next run goes on."""

import hashlib
import json
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from mmseg_vitseg.atomic import remove_stale, whole
from mmseg_vitseg.config.datasets import dataset_of
from mmseg_vitseg.datasets.showing import display_of
from mmseg_vitseg.inference.model import pipeline_of
from mmseg_vitseg.inference.outputs.writer import Writer
from mmseg_vitseg.inference.scenes.classifying import Classifier, Row
from mmseg_vitseg.inference.scenes.layout import Plan, Rectangle, windows_of
from mmseg_vitseg.inference.scenes.partial import SUFFIX, Part, Partial, check_same
from mmseg_vitseg.inference.scenes.results import (
    Collected,
    Numbers,
    overview_of,
    rows_of_tiles,
    square_metres,
    tag_of,
    write_raster,
)
from mmseg_vitseg.inference.scenes.source import Scene, open_scene
from mmseg_vitseg.pictures.drawing import label_colours, overlay, shares, with_legend


class ScenePredictor:
    """Predicts scenes, each in windows that are read from its file, and writes ``NAME_mask.tif`` and ``NAME_overlay.png``.

    Args:
        model: :func:`~mmseg_vitseg.inference.model.load_model`'s.
        writer: has the folder, the classes and the tables of areas.
        resume: go on with what an earlier run has left, and leave out what it has done.
        on_progress: called with a scene's file, and the share of it that is done.
        say: called with what there is to know of a scene, a line.
    """

    def __init__(
        self,
        model: nn.Module,
        writer: Writer,
        *,
        resume: bool = False,
        on_progress: Callable[[Path, float], None] = lambda file, share: None,
        say: Callable[[str], None] = print,
    ):
        self.model, self.writer, self.resume = model, writer, resume
        self.on_progress, self.say = on_progress, say
        self.numbers = Numbers(writer.classes)
        self.windows = windows_of(model.cfg)
        self.sums: dict[str, str] = {}  # of the config and the weights, which are read once

    def predict(self, file: Path, name: Path) -> None:
        """Predict a scene.

        Raises:
            FileNotFoundError, ValueError: it cannot be read, or be predicted, or what is there of it is of something else.
            OSError: the disk is full, say; what is done is there, and the next run goes on from it.
        """
        mask = self.writer.folder / name.with_name(f'{name.name}_mask.tif')
        mask.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(mask.parent)
        with open_scene(file, pipeline_of(self.model)) as scene:
            corner = scene.read(self.windows.corner(scene.size))[0]
            classifier = Classifier(self.model, self.windows, scene.prepare, corner)
            plan = Plan(scene.size, self.windows, classifier.window_bytes, corner[0, 0].nbytes)
            about = self._about(scene, plan)
            partial = Partial(mask.with_name(mask.name + SUFFIX), about)
            if self.resume and mask.exists() and not partial.exists:
                check_same(mask, tag_of(mask), about)
                self.say(f'{file}: {mask} is there already')
                self._remember(scene, self.numbers.counts(rows_of_tiles(mask), len(self.writer.classes.names)))
                return
            done = self._begin(partial)
            self._say_how(scene, plan, done)
            try:
                for count, part in enumerate(parts_of(scene, classifier, plan, self.numbers, done), done + 1):
                    partial.add(part)
                    self.on_progress(file, count / len(plan.parts))
                self._write(scene, mask, plan, partial)
            except OSError as error:  # of the disk
                said = f'{error.strerror}; what is done of {file} is kept, and --resume goes on from it'
                raise OSError(error.errno, said, error.filename or str(partial.path)) from error
            partial.remove()

    def _about(self, scene: Scene, plan: Plan) -> dict:
        """Return of what a result is: a run goes on from another's where all of it is the same."""
        if not self.sums:
            self.sums = dict(config=_sum_of_config(self.model), checkpoint=_sum_of_weights(self.model))
        stat = scene.file.stat()
        windows = [self.windows.crop, self.windows.stride, plan.swaths]
        return json.loads(json.dumps(dict(self.sums, scene=[stat.st_size, stat.st_mtime_ns], windows=windows)))

    def _begin(self, partial: Partial) -> int:
        """Return how many parts of a scene are done.

        Raises:
            ValueError: what is there is of something else, or it was not said that this run is to go on from it.
        """
        if partial.exists and self.resume:
            partial.check()
            return partial.cut()
        if partial.exists and partial.is_same():
            raise ValueError(
                f'{partial.path}: left by a run that did not come to its end; --resume goes on from it; to begin anew, '
                'remove it'
            )
        partial.start()
        return 0

    def _say_how(self, scene: Scene, plan: Plan, done: int) -> None:
        height, width = self.windows.crop
        stride = 'evenly overlapped' if self.windows.stride is None else 'every {} x {}'.format(*self.windows.stride)
        lines = [
            f'a scene of {scene.size[0]} x {scene.size[1]}, in windows of {height} x {width} ({self.windows.why}), {stride}'
        ]
        if scene.resizing:
            lines.append(f"at its own size, without the test pipeline's {', '.join(scene.resizing)}")
        if done:
            lines.append(f'{done} of {len(plan.parts)} parts are done')
        self.say(f'{scene.file}: {"; ".join(lines)}')

    def _write(self, scene: Scene, mask: Path, plan: Plan, partial: Partial) -> None:
        collected = Collected(self.numbers, len(self.writer.classes.names), scene.size)
        write_raster(
            mask,
            ((part.where, collected.take(part.where, part.layers[0])) for part in partial),
            scene.raster.dataset,
            about=partial.about,
            dtype=self.numbers.dtype,
            nodata=self.numbers.nodata,
            colours=self.numbers.colours,
            needs=partial.bytes,
        )
        self._draw(scene, mask.with_name(f'{mask.stem.removesuffix("_mask")}_overlay.png'), plan, collected)
        self._remember(scene, collected.counts)

    def _draw(self, scene: Scene, path: Path, plan: Plan, collected: Collected) -> None:
        names, palette = self.writer.classes.names, self.writer.classes.palette
        valid = collected.overview != self.numbers.nodata
        display = display_of(self.model.cfg, scene.pipeline.reader)
        picture = display(overview_of(scene, plan.parts, collected.step), nodata=~valid)
        labels = np.where(valid, collected.overview.astype(np.int64) - self.numbers.first, 0)
        blended = overlay(picture, labels, label_colours(palette), self.writer.opacity)
        blended[~valid] = picture[~valid]
        counts = collected.counts[:-1]
        drawn = (
            with_legend(blended, shares(counts, names), names, palette) if counts.any() else Image.fromarray(blended)
        )
        with whole(path) as temporary:
            drawn.save(temporary, format='PNG')

    def _remember(self, scene: Scene, counts: np.ndarray) -> None:
        rows = shares(counts[:-1], self.writer.classes.names) if counts[:-1].any() else []
        metres = square_metres(scene.raster.dataset)
        if metres is not None:
            rows = [dict(row, square_metres=row['pixels'] * metres) for row in rows]
        self.writer.areas.remember(scene.file, rows)


def parts_of(scene: Scene, classifier: Classifier, plan: Plan, numbers: Numbers, done: int) -> Iterator[Part]:
    """Yield the parts of a scene behind those that are done, in the plan's order.

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
        with closing(_in_advance(scene.rows(tops, plan.crop[0], *edges))) as strips:
            from_edge = [left - edges[0] for left in lefts]
            for part in parts:
                reaching = plan.tops_of(part.top, part.bottom)
                while reaching[-1] not in rows:
                    strip = next(strips)
                    valid[strip['top']] = strip['valid']
                    rows[strip['top']] = classifier.row(strip['pixels'], from_edge, strip['valid'])
                rows = {top: rows[top] for top in reaching}
                valid = {top: valid[top] for top in reaching}
                mask = np.empty(part.size, numbers.dtype)
                for block in classifier.blocks(part):
                    labels = classifier.labels(rows, lefts, block)
                    columns = slice(block.left - part.left, block.right - part.left)
                    mask[:, columns] = numbers.of(labels, _valid_of(block, valid, edges[0]))
                yield Part(part, [mask])


def _in_advance(strips: Iterator[dict]) -> Generator[dict, None, None]:
    """Yield strips, of which a thread makes the next one meanwhile."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, strips, None)
        while (strip := coming.result()) is not None:
            coming = thread.submit(next, strips, None)
            yield strip


def _valid_of(part: Rectangle, strips: dict[int, np.ndarray], left: int) -> np.ndarray:
    """Return where a part has data, of those of the rows of windows, by their first row, which begin at column ``left``."""
    valid = np.empty(part.size, bool)
    for top, strip in strips.items():
        first, stop = max(part.top, top), min(part.bottom, top + len(strip))
        wanted = strip[first - top : stop - top, part.left - left : part.right - left]
        valid[first - part.top : stop - part.top] = wanted
    return valid


def _sum_of_config(model: nn.Module) -> str:
    """Return a sum of what a config says of the model, of the classes and of how pictures are read."""
    dataset = dataset_of(model.cfg)
    of_data = {name: dataset[name] for name in dataset if name not in ('data_root', 'ann_file', 'data_prefix')}
    return hashlib.sha256(repr((model.cfg.model, of_data)).encode()).hexdigest()


def _sum_of_weights(model: nn.Module) -> str:
    found = hashlib.sha256()
    for name, value in model.state_dict().items():
        found.update(name.encode())
        found.update(value.detach().cpu().flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
