"""Predictions whose full-size logits are made when somebody asks for them, not before.

K classes, h w size at which logits are computed, H W size of the picture.
"""

import torch
from mmengine.structures import PixelData
from torch import Tensor

from mmseg_vitseg.ops.resampling import Resampling
from mmseg_vitseg.ops.upsample_argmax import argmax_of, strips_of


class DeferredLogits(PixelData):
    """What stands under ``seg_logits`` of a prediction: ``data``, (K, H, W), is computed at each access.

    Args:
        logits: (K, h, w).
        resampling: to (H, W).
    """

    def __init__(self, logits: Tensor, resampling: Resampling):
        super().__init__()
        # past PixelData's own attributes, which are maps of one size
        object.__setattr__(self, '_logits', logits.detach())
        object.__setattr__(self, '_resampling', resampling)

    @property
    def data(self) -> Tensor:
        """(K, H, W), as the host's; of a single class its probability, as the host's too."""
        with torch.no_grad():
            strips = [strip.transpose(0, 1) for _, strip in strips_of(self._logits, self._resampling)]
            logits = torch.cat(strips, dim=1)
            return logits.sigmoid() if len(logits) == 1 else logits

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self._resampling.size

    def labels(self, threshold: float | None) -> Tensor:
        """Return the class of each pixel, (1, H, W), int64; of a single class whether it is above ``threshold``, a float."""
        if len(self._logits) == 1:
            return (self.data > threshold).to(self._logits)
        return argmax_of(self._logits, self._resampling)[0][None]

    def to(self, *args, **kwargs) -> 'DeferredLogits':
        """Move the map, as ``Tensor.to``."""
        return DeferredLogits(self._logits.to(*args, **kwargs), self._resampling)

    def cpu(self) -> 'DeferredLogits':
        """Move the map to the CPU."""
        return self.to('cpu')

    def cuda(self) -> 'DeferredLogits':
        """Move the map to the GPU."""
        return self.to('cuda')

    def detach(self) -> 'DeferredLogits':
        """Return itself: nothing here has a gradient."""
        return self

    def numpy(self) -> PixelData:
        """Return the host's container with the logits as an array."""
        return PixelData(data=self.data).numpy()


def window_starts(length: int, crop: int, stride: int) -> list[int]:
    """Return where the host's sliding windows start along a side of ``length`` pixels; the last one ends with the side."""
    crop = min(crop, length)
    return [
        min(start, length - crop)
        for start in range(0, max(length - crop + stride - 1, 0) // stride * stride + 1, stride)
    ]
