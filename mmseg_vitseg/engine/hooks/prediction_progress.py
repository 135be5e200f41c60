"""Pictures of what the model predicts, while it learns."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop
from PIL import Image

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.datasets.reader import Reader
from mmseg_vitseg.datasets.showing import display_of
from mmseg_vitseg.datasets.wrappers import datasets_inside
from mmseg_vitseg.pictures.drawing import UNKNOWN, distinct_colours, label_colours
from mmseg_vitseg.pictures.gif import write_gif
from mmseg_vitseg.pictures.sheets import in_rows
from mmseg_vitseg.registry import HOOKS
from mmseg_vitseg.terminal import from_here

DIGITS = dict(epoch=4, iter=7)  # of a step in a file's name


@HOOKS.register_module()
class PredictionProgressHook(Hook):
    """After each validation, a picture of the same images: image, truth if there is one, prediction; at the end, a GIF.

    Written to ``<work_dir>/pictures``: ``<step>.png`` for each validation, and ``progress.gif``; the pictures go to the
    host's visualizer too, so to TensorBoard, WandB or whatever backend the config has. The GIF of a resumed training begins
    with the pictures up to where it was resumed. If drawing fails, that is logged, once, and training goes on.

    Args:
        num_images: how many of the first validation images (21, as in "Efficient image segmentation, part 4"); of several
            processes, of the first one's.
        columns: triples of pictures in a row.
        height: of one picture, in pixels.
        duration: of one frame of the GIF, in milliseconds.
    """

    def __init__(self, *, num_images: int = 21, columns: int = 3, height: int = 96, duration: int = 300):
        self.num_images = num_images
        self.columns = columns
        self.height = height
        self.duration = duration
        self.tiles: list[np.ndarray] = []
        self.frames: list[Path] | None = None  # of this training; None: there is none, only a validation
        self.warned = False

    @master_only
    def before_train(self, runner) -> None:
        """Find the pictures that a resumed training goes on from; those of later steps are not this training's."""
        with self._failures_logged(runner):
            unit, step = _progress(runner)
            found = [(int(path.stem.rpartition('_')[2]), path) for path in _folder(runner).glob(f'{unit}_[0-9]*.png')]
            self.frames = [path for number, path in sorted(found) if number <= step]

    def before_val_epoch(self, runner) -> None:
        """Start a new picture."""
        self.tiles = []

    @master_only
    def after_val_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: list | None = None
    ) -> None:
        """Keep the batch's pictures, as many as are still wanted."""
        wanted = self.num_images - len(self.tiles)
        if self.frames is None or wanted <= 0 or data_batch is None or outputs is None:
            return
        with self._failures_logged(runner):
            meta = runner.val_dataloader.dataset.metainfo
            colours = label_colours(np.array(meta.get('palette') or distinct_colours(len(meta['classes']))))
            samples = outputs[:wanted]
            pictures = _pictures(runner, data_batch, samples)
            self.tiles += [self._tile(*pair, colours) for pair in zip(pictures, samples, strict=True)]

    @master_only
    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        """Write the picture, captioned with the step and the scores."""
        if self.frames is None or not self.tiles:
            return
        with self._failures_logged(runner):
            unit, step = _progress(runner)
            scores = [f'{name} {metrics[name]:.2f}' for name in ('mIoU', 'aAcc') if metrics and name in metrics]
            path = _folder(runner) / f'{unit}_{step:0{DIGITS[unit]}}.png'
            sheet = in_rows(self.tiles, self.columns, '   '.join([f'{unit} {step}', *scores]))
            with whole(path) as temporary:
                Image.fromarray(sheet).save(temporary)
            self.frames = [*(frame for frame in self.frames if frame != path), path]
            runner.visualizer.add_image('predictions', sheet, step)

    @master_only
    def after_train(self, runner) -> None:
        """Make a GIF of the pictures, of those that are of the last one's size."""
        if not self.frames:
            return
        with self._failures_logged(runner):
            gif = _folder(runner) / 'progress.gif'
            write_gif(self.frames, gif, self.duration)
            runner.logger.info(f'Animation of the predictions: {from_here(gif)}')

    def _tile(self, picture: np.ndarray, sample, colours: np.ndarray) -> np.ndarray:
        """Draw a picture, its truth and its prediction side by side: (height, 3 width, 3) RGB uint8; grey where no truth is.

        Masks may be of the original image's size, which the network's input need not share.
        """
        size = round(picture.shape[1] * self.height / picture.shape[0]), self.height
        panels = [cv2.resize(picture, size)]
        for field in (sample.get('gt_sem_seg'), sample.get('pred_sem_seg')):
            mask = None if field is None else colours[field.data.squeeze(0).cpu().numpy().astype(np.int64)]
            panel = np.full_like(panels[0], UNKNOWN) if mask is None else mask
            panels.append(cv2.resize(panel, size, interpolation=cv2.INTER_NEAREST))
        return np.hstack(panels)

    @contextmanager
    def _failures_logged(self, runner) -> Iterator[None]:
        """Log the first thing that goes wrong while drawing; a picture is no reason to lose a training."""
        try:
            yield
        except Exception as error:
            if not self.warned:
                runner.logger.warning(
                    'PredictionProgressHook: no picture this time, and no word about it again: '
                    f'{type(error).__name__}: {error}'
                )
            self.warned = True


def _reader(runner) -> Reader:
    """Return the step that reads the validation data's pictures."""
    steps = getattr(getattr(datasets_inside(runner.val_dataloader.dataset)[0], 'pipeline', None), 'transforms', [])
    return Reader(steps)


def _pictures(runner, data_batch: dict, samples: list) -> list[np.ndarray]:
    """Return samples' pictures as they are shown, (H, W, 3), uint8, RGB.

    They are the network's inputs. Of features of a disk there are none, and inputs do not say where they have no data; there
    the files are read.
    """
    reader = _reader(runner)
    display = display_of(runner.cfg, reader)
    if 'inputs' in data_batch and reader.rule is None:
        return [display(image.cpu().numpy().transpose(1, 2, 0)) for image in data_batch['inputs'][: len(samples)]]
    read = (reader.file(sample.img_path) for sample in samples)
    return [display(loaded['img'], nodata=loaded.get('nodata')) for loaded in read]


def _progress(runner) -> tuple[str, int]:
    """Return what a training is counted in, ``epoch`` or ``iter``, and how many are done."""
    return ('epoch', runner.epoch) if isinstance(runner.train_loop, EpochBasedTrainLoop) else ('iter', runner.iter)


def _folder(runner) -> Path:
    return Path(runner.work_dir, 'pictures')
