"""A candidate, to be measured: attention of many queries to few keys, with the queries in shares.

B batch, M heads, N queries, n keys, d width of a head, s shares. torch's kernels compute the gradients of keys and values a
block of keys at a time, each block all queries: B M n / 64 blocks, 32 for 8 pictures in MiT's first stage, where an H200
has 132 multiprocessors. Queries do not depend on each other, so that s shares of them can be s times the batch, with the
same keys and values, whose gradients are then the sums over the shares.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

KEYS = 64  # of a block, in torch's memory-efficient kernel of the gradient
MULTIPROCESSORS = 132  # an H200's, where there is no GPU to ask


def attend_in_shares(q: Tensor, k: Tensor, v: Tensor, shares: int) -> Tensor:
    """Attend: (B, M, N, d), (B, M, n, d) and (B, M, n, d) to (B, M, N, d); N is a multiple of the shares."""
    batch = len(q)
    q = q.unflatten(2, (shares, -1)).transpose(1, 2).flatten(0, 1)  # (B s, M, N / s, d)
    k, v = (x[:, None].expand(-1, shares, -1, -1, -1).flatten(0, 1) for x in (k, v))  # (B s, M, n, d)
    out = F.scaled_dot_product_attention(q, k, v)
    return out.unflatten(0, (batch, shares)).transpose(1, 2).flatten(2, 3)


def shares_for(q: Tensor, k: Tensor, times: int = 1) -> int:
    """Return the least divisor of N that gives each multiprocessor of the GPU so many blocks; at most N."""
    processors = torch.cuda.get_device_properties(q.device).multi_processor_count if q.is_cuda else MULTIPROCESSORS
    blocks = q.shape[0] * q.shape[1] * math.ceil(k.shape[2] / KEYS)
    queries = q.shape[2]
    return next(
        s for s in range(1, queries + 1) if queries % s == 0 and (s * blocks >= times * processors or s == queries)
    )
