"""One face for the segmentors that are measured: the host's and ours; Hugging Face's derive from it (``huggingface_twin``).

B batch, C channels of the input, K classes, H W size of the input in pixels, h w size of the logits.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn


class Segmentor:
    """A segmentor of the host's or ours.

    Args:
        model: the module.
        channels: C, of its input.
        notes: in what it is another model than the one it is the twin of.
    """

    draws_its_loss = ''  # why the loss of the same batch is another one in the twin, where it is

    def __init__(self, model: nn.Module, channels: int = 3, notes: Sequence[str] = ()):
        self.model, self.channels, self.notes = model, channels, tuple(notes)

    @property
    def backbone(self) -> nn.Module:
        """The encoder."""
        return self.model.backbone

    @property
    def classes(self) -> int:
        """K."""
        return self.model.num_classes

    def weights(self) -> dict[str, Tensor]:
        """Return the state dict that a file of this model would hold."""
        return self.model.state_dict()

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, C, H, W) to the head's logits, (B, K, h, w)."""
        return self.model(images, mode='tensor')

    def predict(self, images: Tensor) -> Any:
        """Map (B, C, H, W) to what :meth:`read` reads."""
        return self.model(images, mode='predict')

    def read(self, prediction: Any) -> tuple[Tensor, Tensor]:
        """Return logits (B, K, H, W) and labels (B, H, W) of a prediction."""
        logits = torch.stack([sample.seg_logits.data for sample in prediction])
        return logits, torch.stack([sample.pred_sem_seg.data[0] for sample in prediction])

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the sum of the losses of (B, C, H, W) with labels (B, H, W)."""
        size = tuple(labels.shape[-2:])
        meta = dict(img_shape=size, ori_shape=size, pad_shape=size)
        samples = [SegDataSample(metainfo=meta, gt_sem_seg=PixelData(data=one[None])) for one in labels]
        return self.model.parse_losses(self.model(images, samples, mode='loss'))[0]


class DenseSegmentor(Segmentor):
    """One of another project's, whose user resizes logits to the image and takes the largest."""

    def predict(self, images: Tensor) -> Any:
        """Map (B, C, H, W) to logits and labels at that size."""
        return self.labels(self.forward(images), images.shape[-2:])

    @staticmethod
    def labels(logits: Tensor, size: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Map (B, K, h, w) to logits and labels of ``size`` (H, W)."""
        logits = F.interpolate(logits, size, mode='bilinear', align_corners=False)
        return logits, logits.argmax(1)

    def read(self, prediction: Any) -> tuple[Tensor, Tensor]:
        """Return logits (B, K, H, W) and labels (B, H, W) of a prediction."""
        return prediction
