"""What the host's segmentor returns of a picture: its labels, and its logits at full size, made when somebody asks for them.

K classes, h w size at which logits are computed, H W size of the picture.
"""

import torch
from mmengine.structures import PixelData
from torch import Tensor

from mmseg_vitseg.ops.resampling import Resampling
from mmseg_vitseg.ops.upsample_argmax import argmax_of, resampled


def to_picture(resampling: Resampling, meta: dict, align_corners: bool) -> Resampling:
    """Go on from the network's input to the picture: padding off, flip undone, resized, as the host does."""
    height, width = resampling.size
    left, right, top, bottom = meta.get('img_padding_size', meta.get('padding_size', [0] * 4))
    resampling = resampling.cropped(top, height - bottom, left, width - right)
    if meta.get('flip'):
        resampling = resampling.flipped(meta['flip_direction'])
    return resampling.resized(meta['ori_shape'][:2], align_corners)


def results_of(logits: Tensor, resampling: Resampling, threshold: float | None) -> dict[str, PixelData]:
    """Return what the host's segmentor puts into a data sample.

    Args:
        logits: (K, h, w).
        resampling: to the picture.
        threshold: of a single class's probability.

    Returns:
        ``pred_sem_seg``, the class of each pixel, (1, H, W), int64; of a single class whether it is above ``threshold``, a
        float; and ``seg_logits``, (K, H, W).
    """
    if len(logits) == 1:
        labels = (_as_the_hosts(logits, resampling) > threshold).to(logits)
    else:
        labels = argmax_of(logits, resampling)[0][None]
    return dict(seg_logits=DeferredLogits(logits, resampling), pred_sem_seg=PixelData(data=labels))


@torch.no_grad()
def _as_the_hosts(logits: Tensor, resampling: Resampling) -> Tensor:
    """Return the host's ``seg_logits``, (K, H, W): of a single class its probability. Nothing in them is infinite."""
    full = resampled(logits, resampling)
    return (full.sigmoid() if len(full) == 1 else full).to(logits.dtype)


class DeferredLogits(PixelData):
    """The host's container, of which ``data`` (K, H, W) is computed each time that it is read.

    What is made of it, a copy elsewhere or a part, is the host's container with ``data`` in it.

    Args:
        logits: (K, h, w).
        resampling: to (H, W).
    """

    def __init__(self, logits: Tensor, resampling: Resampling):
        super().__init__()
        # past PixelData's own attributes, which are maps of one size
        object.__setattr__(self, '_logits', logits.detach())
        object.__setattr__(self, '_resampling', resampling)
        self._data_fields.add('data')

    @property
    def data(self) -> Tensor:
        """(K, H, W), as the host's."""
        return _as_the_hosts(self._logits, self._resampling)

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self._resampling.size

    def new(self, *, metainfo: dict | None = None, **data) -> PixelData:
        """Return the host's container with these logits, or with ``data``."""
        return PixelData(metainfo=metainfo, **(data or {'data': self.data}))

    clone = new

    def __getitem__(self, item) -> PixelData:
        return self.new()[item]

    def to_dict(self) -> dict[str, Tensor]:
        """Return {'data': (K, H, W)}, computed when it is read: the host's evaluator makes a dict of every result."""
        return _DeferredDict(data=self)


class _DeferredDict(dict):
    """{'data': ...}, computed by whatever reads it first."""

    def __getitem__(self, key):
        value = super().__getitem__(key)
        if isinstance(value, DeferredLogits):
            self[key] = value = value.data
        return value

    def __iter__(self):  # a method of its own, so that dict(...) reads through __getitem__
        return super().__iter__()

    def get(self, key, default=None):
        return dict(self).get(key, default)

    def values(self):
        return dict(self).values()

    def items(self):
        return dict(self).items()

    def __reduce__(self):
        return dict, (dict(self),)
