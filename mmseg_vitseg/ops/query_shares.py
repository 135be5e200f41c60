"""Attention of many queries to few keys, with the queries in shares, so that a GPU is busy in the backward pass.

B batch, M heads, N queries, n keys, d width of a head, s shares. torch's memory-efficient kernel computes the gradients of
keys and values a block of keys at a time, each block all queries: B M n / 64 blocks, 32 for 8 pictures in MiT's first stage,
where an H200 has 132 multiprocessors. Queries do not depend on each other, so that s shares of them can be s times the
batch, with the same keys and values, whose gradients are then the sums over the shares. There, forward and backward of an
attention take 2.3 ms for 5.5 so; with twice the blocks there is no gain (benchmarks/2026-11-27_gpu_h200.md).
"""

import math
from functools import lru_cache

import torch
from torch import Tensor

KEYS = 64  # of a block
FEW = 3  # at least as many multiprocessors a block as pay
MOST = 32  # shares


def queries_in_shares(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, keys and values with the queries in as many shares as pay, which may be one.

    Args:
        q: (B, M, N, d).
        k, v: (B, M, n, d) each.

    Returns:
        (B s, M, N / s, d), and (B s, M, n, d) twice: an image's shares follow each other.
    """
    # half precision has another kernel, which gains nothing; a compiler has sizes that are no numbers
    if not q.is_cuda or q.dtype != torch.float32 or not q.requires_grad or torch.compiler.is_compiling():
        return q, k, v
    return in_shares(q, k, v, shares_for(q, k, _multiprocessors(q.device)))


def in_shares(q: Tensor, k: Tensor, v: Tensor, shares: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return them with the queries in ``shares``, a divisor of N; see :func:`queries_in_shares`."""
    if shares == 1:
        return q, k, v
    q = q.unflatten(2, (shares, -1)).transpose(1, 2).flatten(0, 1)  # (B s, M, N / s, d)
    k, v = (x[:, None].expand(-1, shares, -1, -1, -1).flatten(0, 1) for x in (k, v))  # (B s, M, n, d)
    return q, k, v


def shares_for(q: Tensor, k: Tensor, multiprocessors: int) -> int:
    """Return the least power of two that gives each multiprocessor a block, where there are few; 1 if it divides not N."""
    blocks = q.shape[0] * q.shape[1] * math.ceil(k.shape[2] / KEYS)
    if FEW * blocks > multiprocessors:
        return 1
    shares = min(MOST, 2 ** math.ceil(math.log2(multiprocessors / blocks)))
    return 1 if q.shape[2] % shares else shares


@lru_cache
def _multiprocessors(device: torch.device) -> int:
    return torch.cuda.get_device_properties(device).multi_processor_count
