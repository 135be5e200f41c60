"""SegFormer's hierarchical transformer as a segmentation backbone.

B batch, C input channels, H W image size in pixels, D width, M heads, d = D / M, R spatial reduction. A stage keeps its
tokens as a map with channels last, (B, h, w, D): what linear layers and norms take, and, seen as (B, D, h, w), the memory
layout in which convolutions run fastest. No layout is ever changed.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch.nn.functional as F
from mmcv.cnn import build_activation_layer, build_norm_layer
from mmcv.cnn.bricks.drop import DropPath
from mmengine.model.weight_init import trunc_normal_
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mmseg_vitseg.architectures import MITS
from mmseg_vitseg.models.arguments import check_rates, check_sizes
from mmseg_vitseg.models.backbone import Backbone, resolve_indices
from mmseg_vitseg.registry import MODELS


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
        self.q = nn.Linear(embed_dims, embed_dims, bias=qkv_bias)
        self.kv = nn.Linear(embed_dims, 2 * embed_dims, bias=qkv_bias)
        self.sr = nn.Conv2d(embed_dims, embed_dims, sr_ratio, sr_ratio) if sr_ratio > 1 else None
        self.norm = build_norm_layer(norm_cfg, embed_dims)[1] if sr_ratio > 1 else None
        self.proj = nn.Linear(embed_dims, embed_dims)
        self.proj_drop = nn.Dropout(drop_rate)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (B, h, w, D) to queries (B, M, h w, d), and keys and values (B, M, n, d), n = (h // R) (w // R)."""
        q = self.q(x).flatten(1, 2).unflatten(2, (self.num_heads, -1)).transpose(1, 2)  # (B, M, h w, d)
        reduced = self._reduce(x).flatten(1, 2)  # (B, n, D)
        k, v = self.kv(reduced).unflatten(2, (2, self.num_heads, -1)).permute(2, 0, 3, 1, 4)  # each (B, M, n, d)
        return q, k, v

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, h, w, D) to (B, h, w, D)."""
        q, k, v = self.project(x)
        dropout = self.attn_drop_rate if self.training else 0.0
        out = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout)  # (B, M, h w, d)
        out = out.transpose(1, 2).reshape(x.shape)  # (B, h, w, D)
        return self.proj_drop(self.proj(out))

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
        self.fc1 = nn.Linear(embed_dims, hidden_dims)
        self.dwconv = nn.Conv2d(hidden_dims, hidden_dims, 3, padding=1, groups=hidden_dims)
        self.act = build_activation_layer(act_cfg)
        self.drop1 = nn.Dropout(drop_rate)
        self.fc2 = nn.Linear(hidden_dims, embed_dims)
        self.drop2 = nn.Dropout(drop_rate)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, h, w, D) to (B, h, w, D)."""
        x = conv_channels_last(self.dwconv, self.fc1(x))
        x = self.drop1(self.act(x))
        return self.drop2(self.fc2(x))


class MixBlock(nn.Module):
    """Pre-norm encoder block: efficient attention, then Mix-FFN, each with drop path."""

    def __init__(
        self,
        *,
        embed_dims: int,
        num_heads: int,
        mlp_ratio: float,
        sr_ratio: int,
        qkv_bias: bool,
        drop_rate: float,
        attn_drop_rate: float,
        drop_path_rate: float,
        norm_cfg: dict,
        reduction_norm_cfg: dict,
        act_cfg: dict,
    ):
        super().__init__()
        self.norm1 = build_norm_layer(norm_cfg, embed_dims)[1]
        self.attn = EfficientAttention(
            embed_dims=embed_dims,
            num_heads=num_heads,
            sr_ratio=sr_ratio,
            qkv_bias=qkv_bias,
            attn_drop_rate=attn_drop_rate,
            drop_rate=drop_rate,
            norm_cfg=reduction_norm_cfg,
        )
        self.norm2 = build_norm_layer(norm_cfg, embed_dims)[1]
        self.mlp = MixFFN(
            embed_dims=embed_dims, hidden_dims=int(mlp_ratio * embed_dims), act_cfg=act_cfg, drop_rate=drop_rate
        )
        self.drop_path = DropPath(drop_path_rate) if drop_path_rate > 0 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, h, w, D) to (B, h, w, D)."""
        x = x + self.drop_path(self.attn(self.norm1(x)))
        return x + self.drop_path(self.mlp(self.norm2(x)))


class Stage(nn.Module):
    """Patch embedding, blocks, norm."""

    def __init__(self, patch_embed: nn.Module, blocks: Sequence[nn.Module], norm: nn.Module, with_cp: bool):
        super().__init__()
        self.patch_embed = patch_embed
        self.blocks = nn.ModuleList(blocks)
        self.norm = norm
        self.with_cp = with_cp

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, H, W, C) to (B, h, w, D)."""
        x = self.patch_embed(x)
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=False) if self.with_cp and x.requires_grad else block(x)
        return self.norm(x)


@MODELS.register_module()
class MixVisionTransformer(Backbone):
    """SegFormer's encoder, MiT (arXiv 2105.15203): images (B, C, H, W) to a tuple of feature maps (B, D_i, h_i, w_i).

    With the default strides the maps are at 1/4, 1/8, 1/16 and 1/32 of the image, sizes rounded up; any image size is
    accepted whose maps are at least as large as their ``sr_ratios``. Its arguments are those of the host's class of the
    same name, with the host's defaults, and it loads the host's state dicts and HF's (checkpoints/).

    Args:
        variant: ``b0`` to ``b5``: ``embed_dims``, ``num_layers`` and ``num_heads`` that are not given by themselves.
            None: the host's defaults, 64, (3, 4, 6, 3) and (1, 2, 4, 8), which are no published model's.
        in_channels: C.
        embed_dims: width of one head; a stage's D is this times its heads.
        num_stages: number of stages, the length of each of the following five.
        num_layers: blocks of each stage.
        num_heads: attention heads of each stage.
        patch_sizes: overlapping patches, in pixels of the stage's input.
        strides: their strides.
        sr_ratios: R, spatial reduction of keys and values.
        out_indices: stages whose map is returned, counted from 0.
        mlp_ratio: hidden width of the Mix-FFN over D.
        qkv_bias: a bias in the projections to queries, keys and values.
        drop_rate: dropout after the attention's projection and in the Mix-FFN.
        attn_drop_rate: dropout of attention weights.
        drop_path_rate: stochastic depth, growing linearly from 0 to this value at the last block.
        act_cfg: the Mix-FFN's activation.
        norm_cfg: layer norms.
        reduction_norm_cfg: the norms after the strided convolutions, of patch embeddings and of reduced tokens, where they
            differ: the authors have ``eps=1e-5`` there and 1e-6 in ``norm_cfg``; HF has 1e-5 in both.
        with_cp: gradient checkpointing: a block's activations are computed again in the backward pass.
        pretrained: the host's older spelling of ``init_cfg=dict(type='Pretrained', checkpoint=...)``.
        init_cfg: ``Pretrained`` loads every key or raises.

    Raises:
        ValueError: sizes or indices that do not fit together.
    """

    first_kernel = 'stages.0.patch_embed.proj.weight'

    def __init__(
        self,
        *,
        variant: str | None = None,
        in_channels: int = 3,
        embed_dims: int | None = None,
        num_stages: int = 4,
        num_layers: Sequence[int] | None = None,
        num_heads: Sequence[int] | None = None,
        patch_sizes: Sequence[int] = (7, 3, 3, 3),
        strides: Sequence[int] = (4, 2, 2, 2),
        sr_ratios: Sequence[int] = (8, 4, 2, 1),
        out_indices: Sequence[int] = (0, 1, 2, 3),
        mlp_ratio: float = 4,
        qkv_bias: bool = True,
        drop_rate: float = 0.0,
        attn_drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        act_cfg: dict = dict(type='GELU'),
        norm_cfg: dict = dict(type='LN', eps=1e-6),
        reduction_norm_cfg: dict | None = None,
        with_cp: bool = False,
        pretrained: str | None = None,
        init_cfg: dict | list[dict] | None = None,
    ):
        super().__init__(pretrained=pretrained, init_cfg=init_cfg)
        if variant not in MITS:
            allowed = ', '.join(map(str, MITS))
            raise ValueError(f'MixVisionTransformer: variant={variant!r}; allowed: {allowed}')
        sizes = MITS[variant]
        embed_dims = sizes['embed_dims'] if embed_dims is None else embed_dims
        num_layers = sizes['num_layers'] if num_layers is None else num_layers
        num_heads = sizes['num_heads'] if num_heads is None else num_heads
        per_stage = dict(
            num_layers=num_layers, num_heads=num_heads, patch_sizes=patch_sizes, strides=strides, sr_ratios=sr_ratios
        )
        for name, values in per_stage.items():
            if len(values) != num_stages:
                raise ValueError(
                    f'MixVisionTransformer: {name}={tuple(values)} for num_stages={num_stages}; one a stage'
                )
        check_sizes('MixVisionTransformer', embed_dims=embed_dims, in_channels=in_channels, **per_stage)
        check_rates(
            'MixVisionTransformer', drop_rate=drop_rate, attn_drop_rate=attn_drop_rate, drop_path_rate=drop_path_rate
        )
        self.out_indices = resolve_indices('MixVisionTransformer', out_indices, num_stages, 'stage')
        self.in_channels = in_channels
        self.first_kernel_size = patch_sizes[0]
        rates = iter(np.linspace(0, drop_path_rate, sum(num_layers)).tolist())
        self.stages = nn.ModuleList()
        for depth, heads, patch_size, stride, sr_ratio in zip(*per_stage.values(), strict=True):
            width = embed_dims * heads
            patch_embed = OverlapPatchEmbed(
                in_channels=in_channels,
                embed_dims=width,
                patch_size=patch_size,
                stride=stride,
                norm_cfg=reduction_norm_cfg or norm_cfg,
            )
            blocks = [
                MixBlock(
                    embed_dims=width,
                    num_heads=heads,
                    mlp_ratio=mlp_ratio,
                    sr_ratio=sr_ratio,
                    qkv_bias=qkv_bias,
                    drop_rate=drop_rate,
                    attn_drop_rate=attn_drop_rate,
                    drop_path_rate=next(rates),
                    norm_cfg=norm_cfg,
                    reduction_norm_cfg=reduction_norm_cfg or norm_cfg,
                    act_cfg=act_cfg,
                )
                for _ in range(depth)
            ]
            self.stages.append(Stage(patch_embed, blocks, build_norm_layer(norm_cfg, width)[1], with_cp))
            in_channels = width

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Map (B, C, H, W) to one (B, D_i, h_i, w_i) for each of ``out_indices``, in rising order."""
        self.check_channels(images)
        x = images.permute(0, 2, 3, 1)  # (B, H, W, C)
        outputs = []
        for index, stage in enumerate(self.stages):
            x = stage(x)  # (B, h_i, w_i, D_i)
            if index in self.out_indices:
                outputs.append(x.permute(0, 3, 1, 2))  # (B, D_i, h_i, w_i)
        return tuple(outputs)

    def draw_weights(self) -> None:
        """Draw weights as the authors do."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                trunc_normal_(module.weight, std=0.02)
            elif isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
            if isinstance(module, (nn.Linear, nn.Conv2d)) and module.bias is not None:
                nn.init.zeros_(module.bias)
