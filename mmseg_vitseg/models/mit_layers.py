"""The parts of SegFormer's hierarchical transformer (arXiv 2105.15203), other than those of a plain one.

B batch, C input channels, D width, M heads, d = D / M, R spatial reduction, h w a map of tokens, n keys. Tokens are kept as
a map with channels last, (B, h, w, D): what linear layers and norms take, and, seen as (B, D, h, w), the memory layout in
which convolutions run fastest. No layout is ever changed.
"""

from mmcv.cnn import build_activation_layer, build_norm_layer
from torch import Tensor, nn

from mmseg_vitseg.models.layers import Linear, attend
from mmseg_vitseg.ops.query_shares import queries_in_shares


def conv_channels_last(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Convolve (B, h, w, C): (B, h', w', K), a view of what torch computes in that memory layout."""
    return conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class OverlapPatchEmbed(nn.Module):
    """Overlapping patches (section 3.1, "overlapped patch merging"): a strided convolution and a norm."""

    def __init__(self, *, in_channels: int, embed_dims: int, patch_size: int, stride: int, norm_cfg: dict):
        super().__init__()
        self.proj = nn.Conv2d(in_channels, embed_dims, patch_size, stride, padding=patch_size // 2)
        self.norm = build_norm_layer(norm_cfg, embed_dims)[1]

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, H, W, C) to (B, h, w, D), h = ceil(H / stride) for odd patch sizes."""
        return self.norm(conv_channels_last(self.proj, x))


class EfficientAttention(nn.Module):
    """Self-attention whose keys and values are reduced R x R to one (section 3.1, equation 2)."""

    def __init__(
        self,
        *,
        embed_dims: int,
        num_heads: int,
        sr_ratio: int,
        qkv_bias: bool,
        attn_drop_rate: float,
        drop_rate: float,
        norm_cfg: dict,
    ):
        super().__init__()
        self.num_heads = num_heads
        self.sr_ratio = sr_ratio
        self.attn_drop_rate = attn_drop_rate
        self.q = Linear(embed_dims, embed_dims, bias=qkv_bias)
        self.kv = Linear(embed_dims, 2 * embed_dims, bias=qkv_bias)
        self.sr = nn.Conv2d(embed_dims, embed_dims, sr_ratio, sr_ratio) if sr_ratio > 1 else None
        self.norm = build_norm_layer(norm_cfg, embed_dims)[1] if sr_ratio > 1 else None
        self.proj = Linear(embed_dims, embed_dims)
        self.proj_drop = nn.Dropout(drop_rate)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (B, h, w, D) to queries (B, M, h w, d), and keys and values (B, M, n, d), n = (h // R) (w // R)."""
        q = self.q(x).flatten(1, 2).unflatten(2, (self.num_heads, -1)).transpose(1, 2)  # (B, M, h w, d)
        reduced = self._reduce(x).flatten(1, 2)  # (B, n, D)
        k, v = self.kv(reduced).unflatten(2, (2, self.num_heads, -1)).permute(2, 0, 3, 1, 4)  # each (B, M, n, d)
        return q, k, v

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, h, w, D) to (B, h, w, D)."""
        q, k, v = queries_in_shares(*self.project(x))
        x = attend(q, k, v, self.attn_drop_rate if self.training else 0.0).view(x.shape)  # (B, h, w, D)
        return self.proj_drop(self.proj(x))

    def _reduce(self, x: Tensor) -> Tensor:
        if self.sr is None or self.norm is None:  # neither or both
            return x
        if min(x.shape[1:3]) < self.sr_ratio:
            raise ValueError(
                f'MixVisionTransformer: a map of {x.shape[1]} x {x.shape[2]} is too small for sr_ratio={self.sr_ratio}; '
                'use larger images or smaller sr_ratios'
            )
        return self.norm(conv_channels_last(self.sr, x))


class MixFFN(nn.Module):
    """The MLP with a depthwise 3x3 convolution in it, which tells positions (section 3.1, equation 3)."""

    def __init__(self, *, embed_dims: int, hidden_dims: int, act_cfg: dict, drop_rate: float):
        super().__init__()
        self.fc1 = Linear(embed_dims, hidden_dims)
        self.dwconv = nn.Conv2d(hidden_dims, hidden_dims, 3, padding=1, groups=hidden_dims)
        self.act = build_activation_layer(act_cfg)
        self.drop1 = nn.Dropout(drop_rate)
        self.fc2 = Linear(hidden_dims, embed_dims)
        self.drop2 = nn.Dropout(drop_rate)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, h, w, D) to (B, h, w, D)."""
        x = conv_channels_last(self.dwconv, self.fc1(x))
        x = self.drop1(self.act(x))
        return self.drop2(self.fc2(x))
