"""What the host's segmentor returns of a picture: its labels, and its logits at full size, made when somebody asks for them.

K classes, h w size at which logits are computed, H W size of the picture.
"""

from collections.abc import Sequence
from typing import Protocol

from mmengine.structures import PixelData
from torch import Tensor, nn

from mmseg_vitseg.ops.resampling import Resampling


class Small(Protocol):
    """What a head computes of a batch, much smaller than full size, and how it becomes the host's labels and ``seg_logits``.

    Of logits :class:`~mmseg_vitseg.models.small_logits.SmallLogits`, of a mask transformer's queries
    :class:`~mmseg_vitseg.models.small_masks.SmallMasks`. A tuple of tensors and resamplings, of which ``resampling`` is the
    last: of the network's input, to full size.
    """

    @property
    def maps(self) -> Tensor:
        """(B, channels, h, w): what windows have side by side in one map."""

    @property
    def resampling(self) -> Resampling:
        """What is done to the scores."""

    def beside_maps(self) -> Tensor | None:
        """Return what windows have besides their maps."""

    def of_windows(
        self,
        maps: Tensor,
        beside: Sequence[Tensor | None],
        tops: Sequence[int],
        lefts: Sequence[int],
        size: tuple[int, int],
    ) -> 'Small':
        """Return what these are parts of: all windows of pictures of ``size``, at each of ``tops`` and ``lefts``."""

    def of(self, index: int, resampling: Resampling) -> 'Small':
        """Return one picture's, without a batch dimension, with its own resampling."""

    def labels(self, threshold: float | None, *, confidence: bool = False) -> tuple[Tensor, Tensor | None]:
        """Return the classes of one picture's pixels, (1, H, W), and their confidence or None; see :func:`results_of`."""

    def full(self) -> Tensor:
        """Return the host's ``seg_logits`` of one picture, (K, H, W)."""


def predicting_head(segmentor: nn.Module) -> nn.Module:
    """Return the decode head that a segmentor's prediction is of: a cascade's last."""
    head = segmentor.decode_head
    return head[-1] if isinstance(head, nn.ModuleList) else head


def to_picture(resampling: Resampling, meta: dict, align_corners: bool) -> Resampling:
    """Go on from the network's input to the picture: padding off, flip undone, resized, as the host does."""
    height, width = resampling.size
    left, right, top, bottom = meta.get('img_padding_size', meta.get('padding_size', [0] * 4))
    resampling = resampling.cropped(top, height - bottom, left, width - right)
    if meta.get('flip'):
        resampling = resampling.flipped(meta['flip_direction'])
    return resampling.resized(meta['ori_shape'][:2], align_corners)


def results_of(small: Small, threshold: float | None, *, confidence: bool = False) -> dict[str, PixelData]:
    """Return what the host's segmentor puts into a data sample.

    Args:
        small: one picture's.
        threshold: of a single class's probability.
        confidence: find it too, in the same pass.

    Returns:
        ``pred_sem_seg``, the class of each pixel, (1, H, W), int64; of a single class whether it is above ``threshold``, a
        float; ``seg_logits``, (K, H, W); and ``confidence``, (1, H, W), float32, as
        :func:`~mmseg_vitseg.models.confidence.confidence_of` makes it of these.
    """
    labels, certain = small.labels(threshold, confidence=confidence)
    results = dict(seg_logits=DeferredLogits(small), pred_sem_seg=PixelData(data=labels))
    return results if certain is None else {**results, 'confidence': PixelData(data=certain)}


class DeferredLogits(PixelData):
    """The host's container, of which ``data`` (K, H, W) is computed each time that it is read.

    What is made of it, a copy elsewhere or a part, is the host's container with ``data`` in it.

    Args:
        small: one picture's.
    """

    def __init__(self, small: Small):
        super().__init__()
        # past PixelData's own attributes, which are maps of one size
        object.__setattr__(self, '_small', small)
        self._data_fields.add('data')

    @property
    def data(self) -> Tensor:
        """(K, H, W), as the host's."""
        return self._small.full()

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self._small.resampling.size

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
