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
from torch import Tensor

from mmseg_vitseg.registry import HOOKS

GAP = 6  # pixels between pictures
CAPTION = 30  # pixels for the caption's line


@HOOKS.register_module()
class PredictionProgressHook(Hook):
    """After each validation, a picture of the same images: image, truth, prediction; at the end, a film of them.

    Written to ``<work_dir>/pictures``: ``<step>.png`` for each validation, and ``progress.gif``. A resumed training goes on
    with the pictures that are there. If drawing fails, that is logged and training goes on.

    Args:
        num_images: how many of the first validation images (21, as in "Efficient image segmentation, part 4").
        columns: triples of pictures in a row.
        height: of one picture, in pixels.
        duration: of one frame of the film, in milliseconds.
    """

    def __init__(self, *, num_images: int = 21, columns: int = 3, height: int = 96, duration: int = 300):
        self.num_images = num_images
        self.columns = columns
        self.height = height
        self.duration = duration
        self.tiles: list[np.ndarray] = []

    def before_val_epoch(self, runner) -> None:
        """Start a new picture."""
        self.tiles = []

    @master_only
    def after_val_iter(
        self, runner, batch_idx: int, data_batch: dict | None = None, outputs: list | None = None
    ) -> None:
        """Keep the batch's pictures, as many as are still wanted."""
        wanted = self.num_images - len(self.tiles)
        with _log_failure(runner):
            palette = np.array(runner.val_dataloader.dataset.metainfo['palette'], np.uint8)
            self.tiles += [
                self._tile(*pair, palette) for pair in list(zip(data_batch['inputs'], outputs, strict=True))[:wanted]
            ]

    @master_only
    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        """Write the picture, captioned with the step and the scores."""
        if not self.tiles:
            return
        by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        step = f'epoch_{runner.epoch:04d}' if by_epoch else f'iter_{runner.iter:07d}'
        scores = [f'{name} {metrics[name]:.2f}' for name in ('mIoU', 'aAcc') if metrics and name in metrics]
        with _log_failure(runner):
            folder = Path(runner.work_dir, 'pictures')
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(self._sheet('   '.join([step.replace('_', ' '), *scores]))).save(folder / f'{step}.png')

    @master_only
    def after_train(self, runner) -> None:
        """Make the film of all the pictures."""
        with _log_failure(runner):
            folder = Path(runner.work_dir, 'pictures')
            frames = [Image.open(path).quantize() for path in sorted(folder.glob('*_*.png'))]
            if frames:
                film = folder / 'progress.gif'
                frames[0].save(film, save_all=True, append_images=frames[1:], duration=self.duration, loop=0)
                runner.logger.info(f'Film of the predictions: {film}')

    def _tile(self, image: Tensor, sample, palette: np.ndarray) -> np.ndarray:
        """Draw image (3, H, W) BGR uint8, truth and prediction side by side: (height, 3 width, 3) RGB uint8.

        Masks may be of the original image's size, which the network's input need not share.
        """
        width = round(image.shape[-1] * self.height / image.shape[-2])
        masks = [field.data.squeeze(0).cpu().numpy() for field in (sample.gt_sem_seg, sample.pred_sem_seg)]
        colours = np.vstack([palette, np.zeros((256 - len(palette), 3), np.uint8)])  # what is ignored is black
        panels = [
            cv2.resize(np.ascontiguousarray(image.cpu().numpy()[::-1].transpose(1, 2, 0)), (width, self.height)),
            *(
                cv2.resize(colours[mask.astype(np.uint8)], (width, self.height), interpolation=cv2.INTER_NEAREST)
                for mask in masks
            ),
        ]
        return np.hstack(panels)

    def _sheet(self, caption: str) -> np.ndarray:
        """Arrange the tiles in rows under a caption: (rows height + caption, columns width, 3) RGB uint8."""
        width = max(tile.shape[1] for tile in self.tiles) + GAP
        height = self.height + GAP
        columns = min(self.columns, len(self.tiles))
        rows = -(-len(self.tiles) // columns)
        sheet = np.full((CAPTION + rows * height, columns * width, 3), 255, np.uint8)
        for index, tile in enumerate(self.tiles):
            top, left = CAPTION + index // columns * height, index % columns * width
            sheet[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
        cv2.putText(sheet, caption, (8, CAPTION - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
        return sheet


@contextmanager
def _log_failure(runner) -> Iterator[None]:
    """Log what goes wrong while drawing; a picture is no reason to lose a training."""
    try:
        yield
    except Exception as error:
        runner.logger.warning(f'PredictionProgressHook: no picture this time: {type(error).__name__}: {error}')
