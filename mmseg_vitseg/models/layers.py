"""The parts of a vision transformer, with the parameter names of timm's.

B batch, C input channels, H W image size in pixels, p patch size in pixels, h w patch grid,
N tokens (patches and any class or register tokens), n keys or patches, D width, M heads, d = D / M.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmcv.cnn import build_activation_layer, build_norm_layer
from mmcv.cnn.bricks.drop import DropPath
from mmengine.model.weight_init import trunc_normal_
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmseg_vitseg.ops.linear import linear
from mmseg_vitseg.ops.patches import images_to_patches
from mmseg_vitseg.ops.rotary import rotated


class Linear(nn.Linear):
    """torch's linear layer, by the library that the environment asks for (ops/linear.py)."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., C) to (..., K)."""
        return linear(x, self.weight, self.bias)


class PatchEmbed(nn.Module):
    """Linear embedding of flattened patches (ViT, arXiv 2010.11929, equation 1).

    The weight is (D, C p p); a backbone also loads a convolution's kernel (D, C, p, p), the form in which ViT checkpoints
    hold the same numbers.
    """

    def __init__(self, *, in_channels: int, embed_dims: int, patch_size: int, bias: bool = True):
        super().__init__()
        self.patch_size = patch_size
        self.proj = Linear(in_channels * patch_size**2, embed_dims, bias=bias)

    def forward(self, images: Tensor) -> Tensor:
        """Embed (B, C, H, W), H and W multiples of p, as (B, N, D)."""
        patches = images_to_patches(images, self.patch_size)  # (B, N, C p p)
        return self.proj(patches)  # (B, N, D)


class Attention(nn.Module):
    """Multi-head self-attention (arXiv 1706.03762, section 3.2).

    Args:
        embed_dims: D.
        num_heads: M.
        qkv_bias: a bias for queries, keys and values; ``'qv'``: none for keys.
        attn_drop_rate: dropout of attention weights.
        drop_rate: dropout after the last projection.
    """

    def __init__(
        self, *, embed_dims: int, num_heads: int, qkv_bias: bool | str, attn_drop_rate: float, drop_rate: float
    ):
        super().__init__()
        self.num_heads = num_heads
        self.attn_drop_rate = attn_drop_rate
        self.qkv = Linear(embed_dims, 3 * embed_dims, bias=qkv_bias is True)
        self.q_bias = nn.Parameter(torch.zeros(embed_dims)) if qkv_bias == 'qv' else None
        self.v_bias = nn.Parameter(torch.zeros(embed_dims)) if qkv_bias == 'qv' else None
        self.proj = Linear(embed_dims, embed_dims)
        self.proj_drop = nn.Dropout(drop_rate)

    def project(self, x: Tensor, rotary: Tensor | None = None) -> Sequence[Tensor]:
        """Map (B, N, D) to queries, keys and values, (B, M, N, d) each.

        Args:
            x: tokens, patches last.
            rotary: the patches' positions, (2, n, d / 2), of :func:`~mmseg_vitseg.ops.rotary.rotary_table`.
        """
        if self.q_bias is None:
            qkv = self.qkv(x)  # (B, N, 3 D)
        else:
            bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
            qkv = linear(x, self.qkv.weight, bias)
        qkv = qkv.unflatten(2, (3, self.num_heads, -1))  # (B, N, 3, M, d)
        return qkv.permute(2, 0, 3, 1, 4) if rotary is None else rotated(qkv, rotary)

    def forward(self, x: Tensor, rotary: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Map (B, N, D) to (B, N, D); see :meth:`project`, and :func:`attend_masked` for the mask of the first tokens."""
        q, k, v = self.project(x, rotary)  # each (B, M, N, d)
        drop_rate = self.attn_drop_rate if self.training else 0.0
        x = attend(q, k, v, drop_rate) if mask is None else attend_masked(q, k, v, drop_rate, mask)  # (B, N, D)
        return self.proj_drop(self.proj(x))


def attend(q: Tensor, k: Tensor, v: Tensor, drop_rate: float, mask: Tensor | None = None) -> Tensor:
    """Attend by torch's fused kernel.

    Args:
        q: queries, (B, M, N, d).
        k: keys, (B, M, n, d).
        v: values, (B, M, n, d).
        drop_rate: dropout of attention weights.
        mask: which keys a query may look at, the same in all heads, bool, (B, N, n); None: all.

    Returns:
        the heads side by side, (B, N, D).
    """
    heads = None if mask is None else mask[:, None]  # (B, 1, N, n)
    x = F.scaled_dot_product_attention(q, k, v, heads, dropout_p=drop_rate)  # (B, M, N, d)
    return x.transpose(1, 2).flatten(2)


def attend_masked(q: Tensor, k: Tensor, v: Tensor, drop_rate: float, mask: Tensor) -> Tensor:
    """Attend where only the first tokens are masked, (B, Q, n), and the others look at all keys; see :func:`attend`.

    The two are separate calls: the many that look at all keys keep the kernel that needs no mask, and no mask of N rows is
    held.
    """
    count = mask.shape[1]
    first = attend(q[:, :, :count], k, v, drop_rate, mask)  # (B, Q, D)
    others = attend(q[:, :, count:], k, v, drop_rate)  # (B, N - Q, D)
    return torch.cat([first, others], dim=1)


class Mlp(nn.Module):
    """Linear, activation, linear; each linear followed by its dropout."""

    def __init__(self, *, embed_dims: int, hidden_dims: int, act_cfg: dict, drop_rates: tuple[float, float]):
        super().__init__()
        self.fc1 = Linear(embed_dims, hidden_dims)
        self.act = build_activation_layer(act_cfg)
        self.drop1 = nn.Dropout(drop_rates[0])
        self.fc2 = Linear(hidden_dims, embed_dims)
        self.drop2 = nn.Dropout(drop_rates[1])

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, N, D) to (B, N, D)."""
        x = self.drop1(self.act(self.fc1(x)))
        return self.drop2(self.fc2(x))


class LayerScale(nn.Module):
    """A learned factor a channel (CaiT, arXiv 2103.17239, equation 1)."""

    def __init__(self, embed_dims: int, init_value: float):
        super().__init__()
        self.gamma = nn.Parameter(init_value * torch.ones(embed_dims))

    def forward(self, x: Tensor) -> Tensor:
        """Scale (B, N, D) along D."""
        return x * self.gamma


class Block(nn.Module):
    """Pre-norm transformer encoder block (ViT, equations 2 and 3), with optional layer scale and drop path.

    Args:
        attn: attention, or what takes its place.
        mlp: the MLP, or what takes its place.
        embed_dims: D.
        norm_cfg: the norms before the two.
        drop_path_rate: stochastic depth (arXiv 1603.09382).
        layer_scale: initial value of a learned factor a channel on each branch; None for none.
    """

    def __init__(
        self,
        attn: nn.Module,
        mlp: nn.Module,
        *,
        embed_dims: int,
        norm_cfg: dict,
        drop_path_rate: float,
        layer_scale: float | None = None,
    ):
        super().__init__()
        self.norm1 = build_norm_layer(norm_cfg, embed_dims)[1]
        self.attn = attn
        self.norm2 = build_norm_layer(norm_cfg, embed_dims)[1]
        self.mlp = mlp
        self.ls1 = nn.Identity() if layer_scale is None else LayerScale(embed_dims, layer_scale)
        self.ls2 = nn.Identity() if layer_scale is None else LayerScale(embed_dims, layer_scale)
        self.drop_path = DropPath(drop_path_rate) if drop_path_rate > 0 else nn.Identity()

    def forward(self, x: Tensor, *context: Tensor | None) -> Tensor:
        """Map tokens (B, ..., D) to (B, ..., D); the attention is given the context too: positions, a mask."""
        x = x + self.drop_path(self.ls1(self.attn(self.norm1(x), *context)))
        return x + self.drop_path(self.ls2(self.mlp(self.norm2(x))))


def run_block(block: nn.Module, x: Tensor, with_cp: bool, *context: Tensor | None) -> Tensor:
    """Run a block on tokens; with gradient checkpointing, its activations are computed again in the backward pass."""
    if with_cp and x.requires_grad:
        return checkpoint(block, x, *context, use_reentrant=False)
    return block(x, *context)


def rising_rates(highest: float, depth: int) -> list[float]:
    """Return the rate of each block's stochastic depth, which grows linearly from 0."""
    return np.linspace(0, highest, depth).tolist()


def draw_linear(layer: nn.Linear) -> None:
    """Draw a layer's weights as timm's ViTs do."""
    trunc_normal_(layer.weight, std=0.02)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
