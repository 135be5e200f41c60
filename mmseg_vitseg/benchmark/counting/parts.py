"""Which calls belong to loss or labels: those made within the functions that compute them, and their part of backward."""

import sys
from types import CodeType, FrameType

import torch
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import BaseSegmentor
from torch import nn

from mmseg_vitseg.benchmark.segmentors import DenseSegmentor
from mmseg_vitseg.models.heads.base import DecodeHead
from mmseg_vitseg.models.losses import head_loss
from mmseg_vitseg.models.losses.mask_loss import MaskLoss
from mmseg_vitseg.models.prediction import results_of

# from logits to loss and accuracy, or to labels
FUNCTIONS = (
    head_loss._plain_loss,
    head_loss._from_sums,
    results_of,
    MaskLoss.forward,
    DecodeHead.predict_by_feat,
    BaseDecodeHead._stack_batch_gt,
    BaseDecodeHead.loss_by_feat,
    BaseDecodeHead.predict_by_feat,
    BaseSegmentor.postprocess_result,
    DenseSegmentor.labels,
    nn.CrossEntropyLoss.forward,  # Hugging Face's, which resizes logits outside of it
)
CODES: frozenset[CodeType] = frozenset(function.__code__ for function in FUNCTIONS)


class Parts:
    """Tells of each call, as it is made, whether it belongs to loss or labels."""

    def __init__(self):
        self._nodes: set[int] = set()  # of the graph, by their number
        self._next = torch.autograd._get_sequence_nr()

    def is_loss_or_labels(self) -> bool:
        """Tell it of the call that is being made; to be asked of every call, in turn."""
        node = torch._C._current_autograd_node()
        if node is not None:  # in the backward pass
            return node._sequence_nr() in self._nodes
        found = _within(sys._getframe(1))
        first, self._next = self._next, torch.autograd._get_sequence_nr()
        if found:  # nodes made since the last call are this one's
            self._nodes.update(range(first, self._next))
        return found


def _within(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code in CODES:
            return True
        frame = frame.f_back
    return False
