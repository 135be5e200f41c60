"""Hungarian matching as an operator of torch's. L outputs, B batch, Q queries, C places for classes."""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from mmseg_vitseg.ops.defining import define

OPERATOR = 'mmseg_vitseg::match'
define(OPERATOR, '(Tensor costs) -> Tensor')


def match(costs: Tensor) -> Tensor:
    """Give each class the query that it costs least in all; no query has two classes.

    Args:
        costs: (L, B, Q, C); a column of NaN is a place without a class. On a GPU, this waits for it, once for all.

    Returns:
        (L, B, Q), int64, on the CPU: each query's place, -1 without one. Where classes are more than queries, those that
        would cost most have none.
    """
    return torch.ops.mmseg_vitseg.match(costs.detach())


@torch.library.impl(OPERATOR, 'default')
def _match(costs: Tensor) -> Tensor:
    matched = np.full(costs.shape[:3], -1)
    for place, cost in zip(matched.reshape(-1, costs.shape[2]), costs.cpu().flatten(0, 1).numpy(), strict=True):
        used = np.flatnonzero(~np.isnan(cost[0]))
        query, column = linear_sum_assignment(cost[:, used])
        place[query] = used[column]
    return torch.from_numpy(matched)


@torch.library.register_fake(OPERATOR)
def _(costs):
    place = torch.arange(costs.shape[2])  # on the meta device, as many queries have a class as can
    return place.where(place < costs.shape[3], -1).repeat(*costs.shape[:2], 1)
