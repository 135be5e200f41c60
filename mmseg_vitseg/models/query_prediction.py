"""What a mask transformer predicts: a class and a mask for each of its queries. B batch, Q queries, K classes."""

from typing import NamedTuple

from torch import Tensor


class QueryPrediction(NamedTuple):
    """Logits of the queries of a batch.

    Args:
        classes: (B, Q, K + 1); the last one is "no object".
        masks: (B, Q, h, w).
    """

    classes: Tensor
    masks: Tensor
