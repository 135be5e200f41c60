"""What a model predicts of rows of windows, and the labels of a part of a scene that they cover.

K classes, or queries, h w size of a window's logits, or masks, n windows of a row, C channels.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_vitseg.config.heads import MASK_HEADS
from mmseg_vitseg.inference.scenes.layout import Rectangle, Windows, reaching
from mmseg_vitseg.models.confidence import confidence_of
from mmseg_vitseg.models.prediction import Small, predicting_head
from mmseg_vitseg.models.segmentor import EncoderDecoder
from mmseg_vitseg.models.small_logits import SmallLogits
from mmseg_vitseg.models.windows import WINDOW_BATCH
from mmseg_vitseg.ops.resampling import unchanged

# columns whose labels are made at once: on a CPU few, so that a strip has some rows
BLOCK = {'cpu': 512, 'default': 4096}


@dataclass(frozen=True)
class Row:
    """What is predicted of the windows of a row.

    Args:
        maps: logits, or masks, side by side, (K, h, n w).
        beside: what each window has besides, or None.
    """

    maps: Tensor
    beside: list[Tensor | None]


class Classifier:
    """A model, for windows of scenes.

    Args:
        model: :func:`~mmseg_vitseg.inference.model.load_model`'s.
        windows: the scene's.
        prepare: makes of a window's pixels, as they are read, what the test pipeline makes of a picture.
        example: the pixels of a window.

    Raises:
        ValueError: the model predicts in a way of its own, for whole pictures.
    """

    def __init__(self, model: nn.Module, windows: Windows, prepare: Callable[[np.ndarray], dict], example: np.ndarray):
        if not isinstance(model, EncoderDecoder) and not callable(getattr(model, 'encode_decode', None)):
            raise ValueError(
                f'a scene, which is predicted in windows, and {type(model).__name__} predicts whole pictures only '
                '(it has no encode_decode); cut the scene into pictures, or allow whole ones: --scene no'
            )
        self.model = model
        self.head = predicting_head(model)
        self.predicts_small = isinstance(model, EncoderDecoder) and model.predicts_small()
        self.of_sums = not self.predicts_small and type(self.head).__name__ in MASK_HEADS  # of probabilities
        self.windows = windows
        self.prepare = prepare
        self.device = next(model.parameters()).device
        kind = self.device.type
        self.batch = model.test_cfg.get('window_batch') or WINDOW_BATCH.get(kind, WINDOW_BATCH['default'])
        self.block = BLOCK.get(kind, BLOCK['default'])
        self.small = self._classify([example])  # of the kind that all are of

    @property
    def window_bytes(self) -> int:
        """How many bytes the prediction of a window takes."""
        parts = self.small.maps, self.small.beside_maps()
        return sum(part.nbytes for part in parts if part is not None)

    def row(self, pixels: np.ndarray, lefts: Sequence[int], valid: np.ndarray | None) -> Row:
        """Predict the windows of a row.

        Args:
            pixels: (h, W, C), or what else is read of them.
            lefts: the first column of each window.
            valid: (h, W), whether there are data, or None. A window without is not predicted: no pixel with data is in it.
        """
        width = min(self.windows.crop[1], pixels.shape[1])
        places = [slice(left, left + width) for left in lefts]
        wanted = [index for index, place in enumerate(places) if valid is None or valid[:, place].any()]
        smalls = {}
        for first in range(0, len(wanted), self.batch):
            chosen = wanted[first : first + self.batch]
            small = self._classify([pixels[:, places[index]] for index in chosen])
            beside = small.beside_maps()
            for place, index in enumerate(chosen):
                smalls[index] = small.maps[place], None if beside is None else beside[place : place + 1]
        return self._side_by_side(smalls, len(lefts))

    def _side_by_side(self, smalls: dict[int, tuple[Tensor, Tensor | None]], count: int) -> Row:
        maps, beside = self.small.maps[0], self.small.beside_maps()
        channels, h, w = maps.shape
        row = maps.new_zeros(channels, h, count, w)
        others: list[Tensor | None] = [None if beside is None else torch.zeros_like(beside[:1])] * count
        for index, (one, other) in smalls.items():
            row[:, :, index] = one
            others[index] = other
        return Row(row.flatten(2), others)

    @torch.no_grad()
    def _classify(self, windows: Sequence[np.ndarray]) -> Small:
        """Return what the model predicts of a batch of windows, and its way to their size."""
        prepared = [self.prepare(window) for window in windows]
        images = torch.stack([one['inputs'] for one in prepared])
        if self.device.type == 'cuda':
            images = images.pin_memory()
        data = dict(
            inputs=list(images.to(self.device, non_blocking=True)),
            data_samples=[one['data_samples'] for one in prepared],
        )
        inputs = self.model.data_preprocessor(data, False)['inputs']
        small: Any = self._small(inputs, data['data_samples'])
        if inputs.shape != images.shape:  # padded, below and on the right
            height, width = images.shape[-2:]
            small = small._replace(resampling=small.resampling.cropped(0, height, 0, width))
        return small

    def _small(self, inputs: Tensor, samples: Sequence[SegDataSample]) -> Small:
        size = inputs.shape[-2:]
        if self.predicts_small:
            return self.model.classify(inputs, tuple(size))
        metas = [dict(sample.metainfo, img_shape=size, pad_shape=size) for sample in samples]
        return SmallLogits(self.model.encode_decode(inputs, metas), unchanged(size))

    def blocks(self, part: Rectangle) -> Iterator[Rectangle]:
        """Cut a part into blocks, whose labels are made at once."""
        for left in range(part.left, part.right, self.block):
            yield Rectangle(part.top, part.bottom, left, min(left + self.block, part.right))

    def labels(
        self, rows: dict[int, Row], lefts: Sequence[int], block: Rectangle, *, confidence: bool
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the classes (H, W), int64, of the pixels of a block, and their confidence (H, W), float32, or None.

        Args:
            rows: the first row of pixels of each row of windows that reaches into it -> its predictions.
            lefts: the first column of each of their windows.
            block: what is wanted.
            confidence: whether it is.
        """
        height, width = self.small.resampling.size
        tops = sorted(rows)
        columns = reaching(lefts, width, block.left, block.right)
        top, left = tops[0], lefts[columns.start]
        size = tops[-1] + height - top, lefts[columns[-1]] + width - left
        w = self.small.maps.shape[-1]
        across = slice(columns.start * w, columns.stop * w)
        maps = torch.cat([rows[one].maps[..., across] for one in tops], dim=1)  # (K, rows of windows x h, windows x w)
        beside = [rows[one].beside[index] for one in tops for index in columns]
        places = [one - top for one in tops], [lefts[index] - left for index in columns]
        small = self.small.of_windows(maps[None], beside, *places, size)
        way = small.resampling.cropped(block.top - top, block.bottom - top, block.left - left, block.right - left)
        threshold = getattr(self.head, 'threshold', None)
        one = small.of(0, way)
        labels, certain = one.labels(threshold, confidence=confidence and not self.of_sums)
        if confidence and self.of_sums:  # of a host's model, which the logits' own way would take for logits
            certain = confidence_of(one.full(), threshold, probabilities=True)
        return labels[0].long().cpu().numpy(), None if certain is None else certain[0].cpu().numpy()
