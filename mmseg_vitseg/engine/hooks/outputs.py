"""What a test writes for each picture: its labels, and what is drawn over it, under the picture's own name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmseg.engine.hooks import SegVisualizationHook
from mmseg.structures import SegDataSample
from PIL import Image

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.datasets.reader import Reader
from mmseg_vitseg.datasets.showing import display_of
from mmseg_vitseg.datasets.wrappers import datasets_inside
from mmseg_vitseg.pictures.naming import picture_names
from mmseg_vitseg.registry import HOOKS

NUMBERED = 20  # classes up to which the log lists their numbers


@HOOKS.register_module()
class PredictedLabelsHook(Hook):
    """Writes a PNG of labels for each test picture, its classes numbered from 0, with ``reduce_zero_label`` from 1.

    It has the picture's name, in the picture's folder from the data set's folder of images on; where several data sets have
    pictures of one name, each has a folder, ``1``, ``2`` ... Each of several processes writes its own. Above 255 the PNG has
    16 bits.

    Args:
        folder: where they go.
    """

    def __init__(self, *, folder: str):
        self.folder = Path(folder)
        self.names: dict[str, Path] = {}

    def before_test(self, runner) -> None:
        """Name the pictures."""
        self.names = picture_names(datasets_inside(runner.test_loop.dataloader.dataset))

    def after_test_iter(
        self, runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[SegDataSample] | None = None
    ) -> None:
        """Write a batch's labels."""
        meta = runner.test_loop.dataloader.dataset.metainfo
        for sample in outputs or ():
            labels = sample.pred_sem_seg.data
            first = _first_value(sample, meta)
            highest = len(meta['classes']) - 1 + first
            values = labels.reshape(labels.shape[-2:]).cpu().numpy() + first
            with whole(_target(self.folder, self.names, sample)) as temporary:
                Image.fromarray(values.astype(np.uint8 if highest < 256 else np.uint16)).save(temporary, format='PNG')

    def after_test(self, runner) -> None:
        """Say where they are, and what their numbers mean."""
        if not is_main_process():
            return
        meta = datasets_inside(runner.test_loop.dataloader.dataset)[0].metainfo
        classes = enumerate(meta['classes'], start=int(bool(meta.get('reduce_zero_label'))))
        numbers = [f'{number} {name}' for number, name in classes]
        listed = numbers if len(numbers) <= NUMBERED else [numbers[0], numbers[1], '...', numbers[-1]]
        runner.logger.info(f'{len(self.names)} PNGs of labels are in {self.folder}; their numbers: {", ".join(listed)}')


@HOOKS.register_module()
class PredictedPicturesHook(SegVisualizationHook):
    """The host's SegVisualizationHook for tests, on pictures of any bands, which are read as the config reads them.

    Truth and prediction side by side, ``<folder>/<name>.png``, of the names of :class:`PredictedLabelsHook`; drawn by the
    host's visualizer, in each of several processes.

    Args:
        folder: where they go.
        kwargs: the host's.
    """

    def __init__(self, *, folder: str, **kwargs):
        super().__init__(**kwargs)
        self.folder = Path(folder)
        self.names: dict[str, Path] = {}
        self.places: dict[str, tuple[Any, int]] = {}

    def before_test(self, runner) -> None:
        """Name the pictures, and note where each is."""
        datasets = datasets_inside(runner.test_loop.dataloader.dataset)
        self.names = picture_names(datasets)
        self.places = {
            dataset.get_data_info(index)['img_path']: (dataset, index)
            for dataset in datasets
            for index in range(len(dataset))
        }

    def after_test_iter(
        self, runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[SegDataSample] | None = None
    ) -> None:
        """Draw a batch."""
        meta = runner.test_loop.dataloader.dataset.metainfo
        for sample in (outputs or ()) if self.draw else ():
            target = _target(self.folder, self.names, sample)
            dataset, index = self.places[sample.img_path]
            read = Reader(dataset.pipeline.transforms)
            loaded = read(dataset.get_data_info(index))
            picture = display_of(runner.cfg, read)(loaded['img'], nodata=loaded.get('nodata'))
            masks = [sample.get(name) for name in ('gt_sem_seg', 'pred_sem_seg')]
            panels = [  # of add_datasample all but the first process would get nothing
                self._visualizer._draw_sem_seg(picture, mask, meta['classes'], meta['palette'])
                for mask in masks
                if mask is not None
            ]
            with whole(target) as temporary:
                Image.fromarray(np.hstack(panels)).save(temporary, format='PNG')


def _first_value(sample: SegDataSample, meta: dict) -> int:
    """Return the number of the first class in a sample's masks."""
    return int(bool(sample.metainfo.get('reduce_zero_label', meta.get('reduce_zero_label'))))


def _target(folder: Path, names: dict[str, Path], sample: SegDataSample) -> Path:
    """Return the file of a sample's picture.

    Raises:
        ValueError: the sample does not say which picture it is of.
    """
    path = sample.metainfo.get('img_path')
    if path not in names:
        raise ValueError(
            f"a test picture's img_path is {path!r}, none of the data set's, so what is predicted has no name; "
            "PackSegInputs(meta_keys=...) needs 'img_path'"
        )
    return folder / names[path].with_name(f'{names[path].name}.png')
