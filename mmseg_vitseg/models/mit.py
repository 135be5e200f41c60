"""SegFormer's hierarchical transformer as a segmentation backbone.

B batch, C input channels, H W image size in pixels, D width, h w size of a stage's map of tokens, R spatial reduction.
"""

import math
from collections.abc import Sequence
from functools import partial
from itertools import islice

from mmcv.cnn import build_norm_layer
from torch import Tensor, nn

from mmseg_vitseg.architectures import MITS, variant_with
from mmseg_vitseg.models.argument_checks import check_rates, check_sizes
from mmseg_vitseg.models.backbone import Backbone, resolve_indices
from mmseg_vitseg.models.layers import Block, draw_linear, rising_rates, run_block
from mmseg_vitseg.models.mit_layers import EfficientAttention, MixFFN, OverlapPatchEmbed
from mmseg_vitseg.registry import MODELS


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
            x = run_block(block, x, self.with_cp)
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
        frozen: nothing of it is trained; it stays in evaluation mode and runs without a graph.
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
        frozen: bool = False,
        pretrained: str | None = None,
        init_cfg: dict | list[dict] | None = None,
    ):
        super().__init__(frozen=frozen, pretrained=pretrained, init_cfg=init_cfg)
        given = dict(embed_dims=embed_dims, num_layers=num_layers, num_heads=num_heads)
        sizes = variant_with('MixVisionTransformer', MITS, variant, **given)
        per_stage = dict(
            num_layers=sizes.num_layers,
            num_heads=sizes.num_heads,
            patch_sizes=patch_sizes,
            strides=strides,
            sr_ratios=sr_ratios,
        )
        _check_stages(num_stages, per_stage)
        check_sizes('MixVisionTransformer', embed_dims=sizes.embed_dims, in_channels=in_channels, **per_stage)
        rates = dict(drop_rate=drop_rate, attn_drop_rate=attn_drop_rate, drop_path_rate=drop_path_rate)
        check_rates('MixVisionTransformer', **rates)
        self.out_indices = resolve_indices('MixVisionTransformer', out_indices, num_stages, 'stage')
        self.in_channels = in_channels
        self.first_kernel_size = patch_sizes[0]
        block = partial(
            _block,
            mlp_ratio=mlp_ratio,
            qkv_bias=qkv_bias,
            drop_rate=drop_rate,
            attn_drop_rate=attn_drop_rate,
            norm_cfg=norm_cfg,
            reduction_norm_cfg=reduction_norm_cfg or norm_cfg,
            act_cfg=act_cfg,
        )
        paths = iter(rising_rates(drop_path_rate, sum(sizes.num_layers)))
        self.stages = nn.ModuleList()
        for depth, heads, patch_size, stride, sr_ratio in zip(*per_stage.values(), strict=True):
            width = sizes.embed_dims * heads
            patch_embed = OverlapPatchEmbed(
                in_channels=in_channels,
                embed_dims=width,
                patch_size=patch_size,
                stride=stride,
                norm_cfg=reduction_norm_cfg or norm_cfg,
            )
            blocks = [
                block(width, num_heads=heads, sr_ratio=sr_ratio, drop_path_rate=rate) for rate in islice(paths, depth)
            ]
            self.stages.append(Stage(patch_embed, blocks, build_norm_layer(norm_cfg, width)[1], with_cp))
            in_channels = width
        self.freeze()

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """Map (B, C, H, W) to one (B, D_i, h_i, w_i) for each of ``out_indices``, in rising order."""
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
                draw_linear(module)
            elif isinstance(module, nn.Conv2d):
                fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
                nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
                nn.init.zeros_(module.bias)


def _check_stages(num_stages: int, per_stage: dict[str, Sequence[int]]) -> None:
    for name, values in per_stage.items():
        if len(values) != num_stages:
            raise ValueError(f'MixVisionTransformer: {name}={tuple(values)} for num_stages={num_stages}; one a stage')


def _block(
    embed_dims: int,
    *,
    num_heads: int,
    sr_ratio: int,
    mlp_ratio: float,
    qkv_bias: bool,
    drop_rate: float,
    attn_drop_rate: float,
    drop_path_rate: float,
    norm_cfg: dict,
    reduction_norm_cfg: dict,
    act_cfg: dict,
) -> Block:
    attn = EfficientAttention(
        embed_dims=embed_dims,
        num_heads=num_heads,
        sr_ratio=sr_ratio,
        qkv_bias=qkv_bias,
        attn_drop_rate=attn_drop_rate,
        drop_rate=drop_rate,
        norm_cfg=reduction_norm_cfg,
    )
    mlp = MixFFN(embed_dims=embed_dims, hidden_dims=int(mlp_ratio * embed_dims), act_cfg=act_cfg, drop_rate=drop_rate)
    return Block(attn, mlp, embed_dims=embed_dims, norm_cfg=norm_cfg, drop_path_rate=drop_path_rate)
