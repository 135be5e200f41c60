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
        """(K, H, W), as the host's; of a single class its probability, as the host's too. Nothing in it is infinite."""
        with torch.no_grad():
            strips = [strip.transpose(0, 1) for _, strip in strips_of(self._logits, self._resampling)]
            logits = torch.cat(strips, dim=1)
            return (logits.sigmoid() if len(logits) == 1 else logits).to(self._logits.dtype)

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
        """Move or convert the map, as ``Tensor.to``."""
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

    to_tensor = detach

    def clone(self) -> 'DeferredLogits':
        """Copy the map."""
        return DeferredLogits(self._logits.clone(), self._resampling)

    def new(self, *, metainfo: dict | None = None, data: dict | None = None) -> PixelData:
        """Return the host's container with these logits, or with ``data``."""
        return PixelData(metainfo=metainfo, **({'data': self.data} if data is None else data))

    def numpy(self) -> PixelData:
        """Return the host's container with the logits as an array."""
        return self.new().numpy()

    def __getitem__(self, item) -> PixelData:
        return self.new()[item]

    def keys(self) -> list[str]:
        """What the host's container has."""
        return ['data']

    def __contains__(self, item: str) -> bool:
        return item == 'data'

    def __repr__(self) -> str:
        return f'DeferredLogits({tuple(self._logits.shape)} to {self.shape})'

    def to_dict(self) -> dict[str, Tensor]:
        """Return {'data': (K, H, W)}, computed when it is read: the host's evaluator makes a dict of every result."""
        return _DeferredDict(self)


class _DeferredDict(dict):
    """{'data': ...}, computed by whatever reads it."""

    def __init__(self, logits: DeferredLogits):
        super().__init__()
        self._logits = logits

    def _computed(self) -> dict:
        if not dict.__len__(self):
            dict.update(self, data=self._logits.data)
        return dict(dict.items(self))

    def __getitem__(self, key):
        return self._computed()[key]

    def __iter__(self):
        return iter(self._computed())

    def __len__(self) -> int:
        return 1

    def __contains__(self, key) -> bool:
        return key == 'data'

    def get(self, key, default=None):
        return self._computed().get(key, default)

    def keys(self):
        return self._computed().keys()

    def values(self):
        return self._computed().values()

    def items(self):
        return self._computed().items()

    def __reduce__(self):
        return dict, (self._computed(),)


def window_starts(length: int, crop: int, stride: int) -> list[int]:
    """Return where the host's sliding windows start along a side of ``length`` pixels; the last one ends with the side."""
    crop = min(crop, length)
    return [
        min(start, length - crop)
        for start in range(0, max(length - crop + stride - 1, 0) // stride * stride + 1, stride)
    ]
