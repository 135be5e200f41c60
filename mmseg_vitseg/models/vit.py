"""The plain vision transformer as a segmentation backbone.

B batch, C input channels, H W image size in pixels, p patch size in pixels, h w patch grid, T class and register
tokens, N = T + h w tokens, D width.
"""

from collections.abc import Sequence

import torch
from mmcv.cnn import build_norm_layer
from mmengine.model.weight_init import trunc_normal_
from torch import Tensor, nn

from mmseg_vitseg.architectures import VITS, variant_with
from mmseg_vitseg.models.argument_checks import check_choices, check_rates, refuse_arguments
from mmseg_vitseg.models.backbone import Backbone, resolve_indices
from mmseg_vitseg.models.layers import PatchEmbed, draw_linear, run_block
from mmseg_vitseg.models.vit_layers import (
    blocks,
    check_architecture,
    check_frozen_stages,
    check_input,
    feature_map,
    patch_grid,
    positions,
    tokens,
)
from mmseg_vitseg.ops.patches import pad_to_patches
from mmseg_vitseg.ops.position import resize_position_grid
from mmseg_vitseg.registry import MODELS

# The host's arguments that have no counterpart here, at the value that this class amounts to.
HOST_DEFAULTS = dict(
    patch_pad='corner',
    patch_norm=False,
    pre_norm=False,
    out_origin=False,
    output_cls_token=False,
    num_fcs=2,
)


@MODELS.register_module()
class VisionTransformer(Backbone):
    """Vision Transformer (arXiv 2010.11929): images (B, C, H, W) to a tuple of feature maps (B, D, h, w).

    Its parameters have timm's names, so timm's state dicts load as they are; its arguments are those of the host's class
    of the same name, with the host's defaults (mind ``final_norm`` and the norm's ``eps``: timm has True and 1e-6), except
    that the patch embedding has a bias. DINOv2 and DINOv3 are variants of it.

    Input of any size: where H or W is no multiple of the patch size, zeros are added at the bottom and the right, so
    that h = ceil(H / p) and w = ceil(W / p); heads resize or crop their logits to the image. Where the patch grid is not
    the one of ``img_size``, the position embeddings are resized to it.

    Args:
        variant: the values of arguments that are None: ``tiny``, ``small``, ``base`` or ``large``, with the host's defaults;
            ``dinov2_{s,b,l,g}`` (arXiv 2304.07193), with registers ``dinov2_{s,b,l,g}_reg`` (2309.16588);
            ``dinov3_{s,s_plus,b,l,l_plus,h_plus,7b}`` (2508.10104): the table in :mod:`mmseg_vitseg.architectures`.
        embed_dims: width D.
        num_layers: number of blocks.
        num_heads: attention heads; divides ``embed_dims``.
        mlp_ratio: hidden width of the MLP over D.
        img_size: image size in pixels that the position embeddings are learned for, an int or (H, W); they are learned on
            the grid of whole patches, (H // p, W // p), as the host's.
        patch_size: p, in pixels.
        in_channels: C.
        input_norm: ``'batch'``: the first layer is a batch norm of the image, which replaces input normalisation.
        patch_bias: a bias in the patch embedding.
        qkv_bias: a bias in the projections to queries, keys and values; ``'qv'``: not to keys.
        with_cls_token: a class token, with a position embedding of its own, before the patches.
        position: ``learned``: an embedding is added to each patch; ``rope``: queries and keys turn with their patch's place
            (arXiv 2104.09864), in two axes as DINOv3's do.
        rope_rescale: in training, each forward pass multiplies the coordinates of ``rope`` by a factor that is drawn
            log-uniformly from 1 / rope_rescale to rope_rescale; 1: never.
        num_registers: register tokens (arXiv 2309.16588), without position embeddings, after the class token.
        layer_scale: initial value of a learned factor a channel on each branch; False: none, whatever the variant has.
        out_indices: blocks whose output is returned, counted from 0, or from the end if negative.
        final_norm: ``last``, or True: a layer norm after the last block; outputs of earlier blocks are not normed; ``each``:
            the same norm on every output; False: none.
        drop_rate: dropout after the position embedding, after the attention's projection and in the MLP.
        attn_drop_rate: dropout of attention weights.
        mlp_drop_rate: if given, the MLP has this dropout after its second linear layer and none after its first.
        drop_path_rate: stochastic depth (arXiv 1603.09382), growing linearly from 0 to this value at the last block.
        norm_cfg: layer norms; None: ``LN`` with the variant's eps.
        act_cfg: the MLP's activation, where it is none with a gate.
        interpolate_mode: ``bicubic`` or ``bilinear``, how position embeddings are resized.
        antialias: antialias while resizing them, as timm does.
        norm_eval: keep the input's batch norm in evaluation mode while training.
        with_cp: gradient checkpointing: a block's activations are computed again in the backward pass.
        frozen_stages: -1 none; 0 the embeddings; k also the first k blocks. Frozen parts stay in evaluation mode.
        frozen_exclude: the host's: ``['all']`` freezes nothing; ``[]`` stops all gradients, and dropout goes on.
        frozen: all of it, the final norm included, and it runs without a graph: for linear probes.
        pretrained: the host's older spelling of ``init_cfg=dict(type='Pretrained', checkpoint=...)``.
        init_cfg: ``Pretrained`` loads every key or raises.

    Raises:
        ValueError: sizes or indices that do not fit together, or a host's argument that is not supported.
    """

    first_kernel = 'patch_embed.proj.weight'
    grid: tuple[int, int]

    def __init__(
        self,
        *,
        variant: str = 'base',
        embed_dims: int | None = None,
        num_layers: int | None = None,
        num_heads: int | None = None,
        mlp_ratio: float | None = None,
        img_size: int | Sequence[int] | None = None,
        patch_size: int | None = None,
        in_channels: int = 3,
        input_norm: str | None = None,
        patch_bias: bool = True,
        qkv_bias: bool | str | None = None,
        position: str | None = None,
        rope_rescale: float | None = None,
        with_cls_token: bool = True,
        num_registers: int | None = None,
        layer_scale: float | bool | None = None,
        out_indices: int | Sequence[int] = -1,
        final_norm: bool | str | None = None,
        drop_rate: float = 0.0,
        attn_drop_rate: float = 0.0,
        mlp_drop_rate: float | None = None,
        drop_path_rate: float = 0.0,
        norm_cfg: dict | None = None,
        act_cfg: dict = dict(type='GELU'),
        interpolate_mode: str = 'bicubic',
        antialias: bool | None = None,
        norm_eval: bool = False,
        with_cp: bool = False,
        frozen_stages: int = -1,
        frozen_exclude: Sequence[str] = ('all',),
        frozen: bool = False,
        pretrained: str | None = None,
        init_cfg: dict | list[dict] | None = None,
        **host_arguments,  # only to say which of the host's arguments is not supported
    ):
        refuse_arguments(type(self), host_arguments, HOST_DEFAULTS)
        super().__init__(frozen=frozen, pretrained=pretrained, init_cfg=init_cfg)
        row = variant_with(
            'VisionTransformer',
            VITS,
            variant,
            **dict(embed_dims=embed_dims, num_layers=num_layers, num_heads=num_heads, mlp_ratio=mlp_ratio),
            **dict(img_size=img_size, patch_size=patch_size, antialias=antialias, qkv_bias=qkv_bias),
            **dict(position=position, rope_rescale=rope_rescale, num_registers=num_registers, layer_scale=layer_scale),
            final_norm='last' if final_norm is True else final_norm,
        )
        rates = dict(drop_rate=drop_rate, attn_drop_rate=attn_drop_rate, drop_path_rate=drop_path_rate)
        check_architecture(row)
        check_rates('VisionTransformer', **rates, mlp_drop_rate=mlp_drop_rate or 0.0)
        check_input(in_channels, input_norm, interpolate_mode)
        check_frozen_stages(frozen_stages, row.num_layers)
        check_choices('VisionTransformer', (['all'], []), frozen_exclude=[*frozen_exclude])
        width, norm_cfg = row.embed_dims, norm_cfg or dict(type='LN', eps=row.norm_eps)
        self.grid = patch_grid(row.img_size, row.patch_size)
        self.embed_dims = width
        self.in_channels = in_channels
        self.patch_size = self.first_kernel_size = row.patch_size
        self.out_indices = resolve_indices('VisionTransformer', out_indices, row.num_layers, 'block')
        self.normed_indices = self.out_indices if row.final_norm == 'each' else (row.num_layers - 1,)
        self.interpolate_mode = interpolate_mode
        self.antialias = row.antialias
        self.norm_eval = norm_eval
        self.with_cp = with_cp
        self.frozen_stages = frozen_stages
        self.frozen_exclude = [*frozen_exclude]

        self.input_norm = nn.BatchNorm2d(in_channels) if input_norm else None
        self.patch_embed = PatchEmbed(
            in_channels=in_channels, embed_dims=width, patch_size=row.patch_size, bias=patch_bias
        )
        self.cls_token = tokens(int(with_cls_token), width)
        self.reg_token = tokens(row.num_registers, width)
        self.pos_embed, self.rope = positions(row, self.grid, with_cls_token)
        self.pos_drop = nn.Dropout(drop_rate)
        self.blocks = blocks(row, **rates, mlp_drop_rate=mlp_drop_rate, norm_cfg=norm_cfg, act_cfg=act_cfg)
        self.norm = build_norm_layer(norm_cfg, width)[1] if row.final_norm else None
        self.freeze()

    def features(self, images: Tensor) -> tuple[Tensor, ...]:
        """Map (B, C, H, W) to one (B, D, h, w) for each of ``out_indices``, in rising order."""
        x, grid = self.embed(images)  # (B, N, D)
        rotary = self.rotary(grid)
        outputs = []
        for index in range(len(self.blocks)):
            x = self.run(index, x, rotary)
            if index in self.out_indices:
                outputs.append(feature_map(self.normed(x, index), grid))  # (B, D, h, w)
        return tuple(outputs)

    def embed(self, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Map (B, C, H, W) to what the first block is given, class token, registers, patches: (B, N, D); and to (h, w)."""
        if self.input_norm is not None:
            images = self.input_norm(images)
        images = pad_to_patches(images, self.patch_size)
        grid = images.shape[-2] // self.patch_size, images.shape[-1] // self.patch_size
        x = self.patch_embed(images)  # (B, h w, D)
        if self.cls_token is not None:
            x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], dim=1)
        if self.pos_embed is not None:
            x = x + resize_position_grid(
                self.pos_embed, self.grid, grid, mode=self.interpolate_mode, antialias=self.antialias
            )
        if self.reg_token is not None:
            split = 0 if self.cls_token is None else 1
            x = torch.cat([x[:, :split], self.reg_token.expand(x.shape[0], -1, -1), x[:, split:]], dim=1)
        return self.pos_drop(x), grid

    def rotary(self, grid: tuple[int, int]) -> Tensor | None:
        """Return what the blocks turn queries and keys by, (2, h w, d / 2), None where positions are learned.

        To be asked for once a forward pass: in training, a factor of the coordinates is drawn.
        """
        return None if self.rope is None else self.rope(grid)

    def run(self, index: int, x: Tensor, rotary: Tensor | None, mask: Tensor | None = None) -> Tensor:
        """Run a block on tokens (B, N, D), the patches last.

        Args:
            index: the block.
            x: what the block before it gave.
            rotary: :meth:`rotary`'s.
            mask: which of all tokens the first Q ones may look at, bool, (B, Q, N).
        """
        if mask is not None:
            return run_block(self.blocks[index], x, self.with_cp, rotary, mask)
        return run_block(self.blocks[index], x, self.with_cp, *(() if rotary is None else (rotary,)))

    def normed(self, x: Tensor, index: int) -> Tensor:
        """Return what a block gave, normed where the final norm stands on it: (B, N, D)."""
        return x if self.norm is None or index not in self.normed_indices else self.norm(x)

    def draw_weights(self) -> None:
        """Draw weights as timm does."""
        for token in (self.cls_token, self.reg_token, self.pos_embed):
            if token is not None:
                trunc_normal_(token, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                draw_linear(module)
        # unit variance for unit-variance pixels, whatever the patch size
        trunc_normal_(self.patch_embed.proj.weight, std=self.patch_embed.proj.in_features**-0.5)

    def freeze(self) -> None:
        """Stop the gradients of what is frozen; with the embeddings go the tokens and positions."""
        super().freeze()
        if not self.frozen_exclude:
            self.requires_grad_(False)
        for module in self._frozen_modules():
            module.requires_grad_(False)
        if self.frozen_stages >= 0:
            for token in (self.cls_token, self.reg_token, self.pos_embed):
                if token is not None:
                    token.requires_grad_(False)

    def _frozen_modules(self) -> list[nn.Module]:
        if self.frozen_stages < 0:
            return []
        embeddings = [self.input_norm, self.patch_embed, self.pos_drop, *self.blocks[: self.frozen_stages]]
        return [module for module in embeddings if module is not None]

    def train(self, mode: bool = True) -> 'VisionTransformer':
        """Switch to training or evaluation mode, except for what is frozen."""
        super().train(mode)
        for module in self._frozen_modules():
            module.eval()
        if self.norm_eval and self.input_norm is not None:
            self.input_norm.eval()
        return self
