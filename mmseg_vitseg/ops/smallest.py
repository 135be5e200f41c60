"""The smallest numbers of each row, in no order, as an operator of torch's."""

import numpy as np
import torch
from torch import Tensor

from mmseg_vitseg.ops.defining import define

OPERATOR = 'mmseg_vitseg::smallest'
define(OPERATOR, '(Tensor x, SymInt count) -> Tensor')


def smallest(x: Tensor, count: int) -> Tensor:
    """Return the places of the smallest numbers of each row of (R, N), (R, count), int64, in no order; NaN is large.

    On CPUs this is numpy's partition, which takes a tenth of the time of torch's topk.
    """
    return torch.ops.mmseg_vitseg.smallest(x.detach(), count)


@torch.library.impl(OPERATOR, 'default')
def _smallest(x: Tensor, count: int) -> Tensor:
    if x.device.type == 'cpu' and 0 < count < x.shape[1]:
        return torch.from_numpy(np.argpartition(x.numpy(), count - 1, axis=1)[:, :count].copy())
    return x.topk(count, largest=False, sorted=False).indices


@torch.library.register_fake(OPERATOR)
def _(x, count):
    return x.new_empty((len(x), count), dtype=torch.int64)
