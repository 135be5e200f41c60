"""Attention weights, which the fused kernel does not give, computed again from queries and keys.

B batch, N tokens (queries), n keys, D width, M heads, d = D / M, h w a grid of tokens.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmseg_vitseg.models.layers import Attention
from mmseg_vitseg.models.mit_layers import EfficientAttention


def attention_weights(
    attention: Attention | EfficientAttention, x: Tensor, query: int | None = None, positions: Sequence[Tensor] = ()
) -> Tensor:
    """Return the weights that an attention layer gives in evaluation mode (arXiv 1706.03762, equation 1).

    Args:
        attention: the layer.
        x: its input, (B, N, D), or (B, h, w, D) of a :class:`MixVisionTransformer`.
        query: one token's index; None for all of them.
        positions: rotary positions, where the layer is given them.

    Returns:
        (B, M, N, n), or (B, M, 1, n) of one query; rows sum to 1.
    """
    q, k, _ = attention.project(x, *positions)
    return _weights(q if query is None else q[:, :, query : query + 1], k)


def rollout(
    attentions: Sequence[Attention], inputs: Sequence[Tensor], query: int, positions: Sequence[Tensor] = ()
) -> Tensor:
    """Return how much of each token of the input has come to a token through all layers (arXiv 2005.00928, section 4).

    Of each layer the mean over the heads, half of which is replaced by the identity for the residual connection. Only the
    query's row of the product is computed, from the last layer to the first. What has come from tokens that are put in on
    the way, as EoMT's queries are before all others, ends there.

    Args:
        attentions: the layers, the first one first.
        inputs: theirs, (1, N, D) each; later ones may have more tokens, the first ones.
        query: the token's index.
        positions: rotary positions, where the layers are given them.

    Returns:
        of the first layer's tokens, (N,), which sum to 1 where no tokens are put in.
    """
    row = torch.zeros(inputs[-1].shape[1], dtype=inputs[-1].dtype, device=inputs[-1].device)
    row[query] = 1
    for attention, x in zip(reversed(attentions), reversed(inputs), strict=True):
        row = row[len(row) - x.shape[1] :]
        q, k, _ = attention.project(x, *positions)
        heads = [row @ _weights(q[0, head], k[0, head]) for head in range(q.shape[1])]  # one (N, N) at a time
        row = (row + torch.stack(heads).mean(0)) / 2
    return row


def _weights(q: Tensor, k: Tensor) -> Tensor:
    """Return softmax(q k^T / sqrt(d)) of (..., N, d) and (..., n, d): (..., N, n)."""
    return (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1)
