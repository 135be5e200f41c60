"""How sure a model is of the class that it gives each pixel. K classes, H W size of the picture."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_vitseg.ops.precision import at_least_float32

# of each thread its own: a program may predict with one model in several
_ASKED: ContextVar[bool] = ContextVar('asked for confidence', default=False)


def confidence_of(scores: Tensor, threshold: float | None, *, probabilities: bool) -> Tensor:
    """Return the probability of the class that each pixel is given.

    Args:
        scores: the host's ``seg_logits`` of one picture, (K, H, W); of a single class its probability.
        threshold: above which a single class's probability says that it is there.
        probabilities: whether scores of several classes are sums of probabilities, and no logits.

    Returns:
        (1, H, W), float32. Of logits the softmax's largest value; of sums of probabilities the largest one's share of all, 0
        where all are 0; of a single class its probability p where it is there, 1 - p where it is not.
    """
    if len(scores) == 1:
        return torch.where(scores > threshold, scores, 1 - scores).float()
    scores = scores.to(at_least_float32(scores))
    if not probabilities:
        return scores.softmax(0).amax(0, keepdim=True).float()
    total = scores.sum(0, keepdim=True).clamp_min_(torch.finfo(scores.dtype).tiny)
    return (scores.amax(0, keepdim=True) / total).float()


def add_confidence(samples: Sequence[SegDataSample], head: nn.Module, *, probabilities: bool) -> None:
    """Add ``confidence``, (1, H, W), to results with full-size ``seg_logits``, of a head with or without a threshold."""
    for sample in samples:
        found = confidence_of(sample.seg_logits.data, getattr(head, 'threshold', None), probabilities=probabilities)
        sample.set_data(dict(confidence=PixelData(data=found)))


def gives_confidence(segmentor: nn.Module) -> bool:
    """Tell whether a segmentor is asked for ``confidence``, by ``test_cfg.confidence=True`` or for a while."""
    return _ASKED.get() or bool((getattr(segmentor, 'test_cfg', None) or {}).get('confidence', False))


@contextmanager
def asking_for_confidence() -> Iterator[None]:
    """Ask our segmentors for ``confidence`` beside each prediction that this thread makes, for as long as this lasts."""
    token = _ASKED.set(True)
    try:
        yield
    finally:
        _ASKED.reset(token)
