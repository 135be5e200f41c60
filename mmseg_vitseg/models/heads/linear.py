"""The linear probe: what a backbone's features hold, as a linear classifier of each token reads it.

B batch, L levels, D_i h_i w_i width and size of level i, D = D_1 + ... + D_L, K classes.
"""

from collections.abc import Sequence

import torch
from mmcv.cnn import build_norm_layer
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_vitseg.models.argument_checks import check_choices, check_levels, check_sizes
from mmseg_vitseg.models.convolutions import fold_norm_before, folds
from mmseg_vitseg.models.heads.base import DecodeHead
from mmseg_vitseg.ops.reorder import pointwise_of_upsampled_levels, resize
from mmseg_vitseg.registry import MODELS


@MODELS.register_module()
class LinearHead(DecodeHead):
    """Batch norm, dropout, 1x1 convolution: one level (B, D, h, w), or L levels (B, D_i, h_i, w_i), to (B, K, h_1, w_1).

    The linear evaluation of DINOv2 (arXiv 2304.07193, section 7.4; its ``BNHead``) and DINOv3 (2508.10104); its parameters
    are ``bn`` and ``conv_seg``, as in their published heads. Several levels are resized to the first one's size and
    concatenated. In evaluation mode the norm is part of the convolution, and each level's share is computed at that level's
    own size (ops/folding.py, ops/reorder.py).

    Args:
        in_channels: D, or the D_i as a list.
        num_classes: K.
        in_index: the level, or the levels as a list.
        channels: D; it may be left out.
        norm_cfg: a batch norm, ``BN`` or ``SyncBN``.
        dropout_ratio: dropout of whole channels, after the norm; the host's 0.1, DINOv2's heads have 0.
        input_transform: ``resize_concat``, which several levels are in any case.
        base_arguments: the host's BaseDecodeHead's: ``loss_decode``, ``ignore_index``, ``sampler``, ...

    Raises:
        ValueError: levels and widths that do not fit together, or a norm that is no batch norm.
    """

    def __init__(
        self,
        *,
        in_channels: int | Sequence[int],
        num_classes: int,
        in_index: int | Sequence[int] = -1,
        channels: int | None = None,
        norm_cfg: dict = dict(type='BN'),
        input_transform: str | None = None,
        **base_arguments,
    ):
        check_choices('LinearHead', (None, 'resize_concat'), input_transform=input_transform)
        one = isinstance(in_channels, int) and isinstance(in_index, int)
        levels: dict = dict(in_channels=[in_channels] if one else in_channels, in_index=[in_index] if one else in_index)
        check_levels('LinearHead', levels)
        check_sizes('LinearHead', in_channels=in_channels)
        width = sum(levels['in_channels'])
        if channels not in (None, width):
            raise ValueError(f'LinearHead: channels={channels}; in_channels={in_channels} make {width}; leave it out')
        super().__init__(
            **levels,
            channels=width,
            num_classes=num_classes,
            norm_cfg=norm_cfg,
            input_transform='multiple_select',
            **base_arguments,
        )
        self.bn = build_norm_layer(norm_cfg, width)[1]
        if not isinstance(self.bn, _BatchNorm):
            raise ValueError(f'LinearHead: norm_cfg={norm_cfg}; allowed: a batch norm, BN or SyncBN')

    def classify(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Map the chosen level or levels to logits (B, K, h_1, w_1)."""
        levels = self._transform_inputs(inputs)  # L of (B, D_i, h_i, w_i)
        batch, _, *size = levels[0].shape
        if not self.training and folds(self.bn, batch * size[0] * size[1] * self.channels):
            weight, bias = fold_norm_before(self.bn, self.conv_seg)  # (K, D, 1, 1)
            weights = weight.split(self.in_channels, dim=1)  # L of (K, D_i, 1, 1)
            return pointwise_of_upsampled_levels(levels, weights, bias, size, 'bilinear', self.align_corners)
        levels = [x if x.shape[2:] == levels[0].shape[2:] else resize(x, size, self.align_corners) for x in levels]
        x = levels[0] if len(levels) == 1 else torch.cat(levels, dim=1)  # (B, D, h_1, w_1)
        return self.cls_seg(self.bn(x))
