"""Scenes, from files to masks; what is done so far is in a file, from which the next run goes on."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial as partial_of
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image
from torch import nn

from mmseg_vitseg.atomic import remove_stale, whole
from mmseg_vitseg.datasets.showing import display_of
from mmseg_vitseg.engine.running.lock import locked
from mmseg_vitseg.inference.model import pipeline_of
from mmseg_vitseg.inference.outputs.confidence import areas_of
from mmseg_vitseg.inference.outputs.geojson import mask_to_geojson
from mmseg_vitseg.inference.outputs.georeference import square_metres
from mmseg_vitseg.inference.outputs.writer import Writer
from mmseg_vitseg.inference.scenes.classifying import Classifier
from mmseg_vitseg.inference.scenes.geotiff import rows_of_tiles, tag_of, write_raster
from mmseg_vitseg.inference.scenes.layout import Plan, Rectangle, Windows, windows_of
from mmseg_vitseg.inference.scenes.origin import Origin
from mmseg_vitseg.inference.scenes.partial import SUFFIX, Part, Partial, check_same
from mmseg_vitseg.inference.scenes.parts import parts_of
from mmseg_vitseg.inference.scenes.results import Collected, Numbers, overview_of
from mmseg_vitseg.inference.scenes.source import Scene, is_large, open_scene
from mmseg_vitseg.pictures.drawing import overlay, with_legend


class ScenePredictor:
    """Predicts scenes, each in windows that are read from its file, and writes ``NAME_mask.tif`` and ``NAME_overlay.png``.

    Args:
        model: :func:`~mmseg_vitseg.inference.model.load_model`'s.
        writer: has the folder, the classes, the formats and the tables of areas.
        which: ``'auto'``: large files are scenes (:func:`~mmseg_vitseg.inference.scenes.source.is_large`); ``'yes'``: all
            pictures are, ``'no'``: none.
        resume: go on with what an earlier run has left, and leave out what it has done.
        on_progress: called with a scene's file, and the share of it that is done.
        say: called with what there is to know of a scene, a line.
    """

    def __init__(
        self,
        model: nn.Module,
        writer: Writer,
        *,
        which: Literal['auto', 'yes', 'no'] = 'auto',
        resume: bool = False,
        on_progress: Callable[[Path, float], None] = lambda file, share: None,
        say: Callable[[str], None] = print,
    ):
        self.model, self.writer, self.which, self.resume = model, writer, which, resume
        self.on_progress, self.say = on_progress, say
        self.numbers = Numbers(writer.classes)
        self.origin = Origin(model)

    def takes(self, file: Path) -> bool:
        """Tell whether a picture is a scene."""
        return is_large(file) if self.which == 'auto' else self.which == 'yes'

    def predict(self, file: Path, name: Path) -> None:
        """Predict a scene.

        Raises:
            FileNotFoundError, ValueError: it cannot be read, or be predicted; what is there of it is of something else, or
                another process writes it.
            OSError: the disk is full, say; what is done is there, and the next run goes on from it.
        """
        if 'coco' in self.writer.formats:
            raise ValueError(
                f'{file}: a scene, whose mask is a GeoTIFF, and no coco; leave it out of --format, take geojson for '
                'polygons, or predict it whole: --scene no'
            )
        self.writer.check(file)
        mask = self.writer.folder / name.with_name(f'{name.name}_mask.tif')
        mask.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(mask.parent)
        with (
            locked(mask.parent, 'prediction of this scene', '--out', name=f'.{mask.name}.lock'),
            open_scene(file, pipeline_of(self.model)) as scene,
        ):
            self._predict(scene, mask)

    def _predict(self, scene: Scene, mask: Path) -> None:
        windows = windows_of(self.model.cfg)
        corner = scene.read(windows.corner(scene.size))[0]
        classifier = Classifier(self.model, windows, scene.prepare, corner)
        plan = Plan(scene.size, windows, classifier.window_bytes, corner[0, 0].nbytes)
        places = [windows.crop, windows.stride, plan.swaths]
        about = self.origin.of(scene.file, windows=places, **{'--confidence': self.writer.confidence})
        partial = Partial(mask.with_name(mask.name + SUFFIX), about)
        if self.resume and mask.exists() and not partial.exists:
            check_same(mask, tag_of(mask), about)
            self.say(f'{scene.file}: {mask} is there already')
            self._look_again(scene, mask)
            self._write_polygons(mask)
            return
        done = self._begin(partial)
        self._say_how(scene, windows, plan, done)
        parts = parts_of(scene, classifier, plan, self.numbers, done, confidence=self.writer.confidence)
        try:
            with closing(parts):  # ends the thread that reads
                for count, part in enumerate(parts, done + 1):
                    partial.add(part)
                    self.on_progress(scene.file, count / len(plan.parts))
            self._write(scene, mask, plan, partial)
            self._write_polygons(mask)
        except OSError as error:  # of the disk
            said = f'{error.strerror}; what is done of {scene.file} is kept, and --resume goes on from it'
            raise OSError(error.errno, said, error.filename or str(partial.path)) from error
        partial.remove()

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

    def _say_how(self, scene: Scene, windows: Windows, plan: Plan, done: int) -> None:
        height, width = windows.crop
        stride = 'evenly overlapped' if windows.stride is None else 'every {} x {}'.format(*windows.stride)
        lines = [
            f'a scene of {scene.size[0]} x {scene.size[1]}, in windows of {height} x {width} ({windows.why}), {stride}'
        ]
        if scene.resizing:
            lines.append(f"at its own size, without the test pipeline's {', '.join(scene.resizing)}")
        if done:
            lines.append(f'{done} of {len(plan.parts)} parts are done')
        self.say(f'{scene.file}: {"; ".join(lines)}')

    def _write(self, scene: Scene, mask: Path, plan: Plan, partial: Partial) -> None:
        """Write the rasters, the mask last, and the overlay."""
        collected, numbers = self._collected(scene), self.numbers
        write = partial_of(write_raster, like=scene.raster.dataset, about=partial.about, needs=partial.bytes)
        if self.writer.confidence:
            certain = ((part.where, part.layers[1]) for part in partial)
            write(_confidence_of(mask), certain, dtype=np.dtype(np.uint16), nodata=0)

        def masks() -> Iterator[tuple[Rectangle, np.ndarray]]:
            for part in partial:
                collected.take(part)
                yield part.where, part.layers[0]

        write(mask, masks(), dtype=numbers.dtype, nodata=numbers.nodata, colours=numbers.colours)
        self._draw(scene, mask.with_name(f'{mask.stem.removesuffix("_mask")}_overlay.png'), plan, collected)
        self._remember(scene, collected)

    def _write_polygons(self, mask: Path) -> None:
        if 'geojson' in self.writer.formats:
            self.say(f'{mask}: polygons are made of it')
            target = mask.with_name(f'{mask.stem.removesuffix("_mask")}.geojson')
            mask_to_geojson(mask, target, self.writer.classes)

    def _look_again(self, scene: Scene, mask: Path) -> None:
        """Remember the areas of a scene that is done."""
        collected = self._collected(scene)
        paths = [mask, *([_confidence_of(mask)] if self.writer.confidence else [])]
        for layers in zip(*map(rows_of_tiles, paths), strict=True):
            collected.take(Part(layers[0][0], [layer for _, layer in layers]))
        self._remember(scene, collected)

    def _collected(self, scene: Scene) -> Collected:
        return Collected(self.numbers, len(self.writer.classes.names), scene.size)

    def _draw(self, scene: Scene, path: Path, plan: Plan, collected: Collected) -> None:
        names, palette = self.writer.classes.names, self.writer.classes.palette
        labels, valid = self.numbers.labels(collected.overview)
        display = display_of(self.model.cfg, scene.pipeline.reader)
        picture = display(overview_of(scene, plan.parts, collected.step), nodata=~valid)
        drawn = overlay(picture, labels, palette, self.writer.opacity)
        drawn[~valid] = picture[~valid]
        table = areas_of(collected.sums, names, confidence=False)
        image = with_legend(drawn, table, names, palette) if table else Image.fromarray(drawn)
        with whole(path) as temporary:
            image.save(temporary, format='PNG')

    def _remember(self, scene: Scene, collected: Collected) -> None:
        rows = areas_of(collected.sums, self.writer.classes.names, confidence=self.writer.confidence)
        metres = square_metres(scene.raster.dataset.crs, scene.raster.dataset.transform)
        if metres is not None:
            rows = [dict(row, square_metres=row['pixels'] * metres) for row in rows]
        self.writer.areas.remember(scene.file, rows)


def _confidence_of(mask: Path) -> Path:
    return mask.with_name(f'{mask.stem.removesuffix("_mask")}_confidence.tif')
