"""SETR's decoders (arXiv 2012.15840, section 3.3): Naive and PUP in one class, as in the host, and MLA.

B batch, D width, h w patch grid, C decoder channels, s upsampling scale, n convolutions, L levels, K classes.
"""

import torch
from mmcv.cnn import ConvModule, build_norm_layer
from torch import Tensor, nn

from mmseg_vitseg.models.argument_checks import check_choices, check_levels, check_scale
from mmseg_vitseg.models.convolutions import conv_norm_act, norm_channels, upsample_conv_norm_act
from mmseg_vitseg.models.heads.base import DecodeHead
from mmseg_vitseg.ops.reorder import conv_of_upsampled, scaled
from mmseg_vitseg.registry import MODELS


@MODELS.register_module()
class SETRUPHead(DecodeHead):
    """SETR's Naive (``kernel_size=1``) and PUP (``num_convs=4, up_scale=2, kernel_size=3``) decoders.

    n times [convolution, norm, ReLU, bilinear x s], then the classifier: (B, D, h, w) to logits (B, K, s^n h, s^n w). Its
    numbers and its parameters' names are those of the host's class of the same name; the order of work is another
    (ops/reorder.py): convolutions and the classifier come before the upsampling that precedes them in the paper.

    Args:
        norm_layer: the norm of the features' channels.
        num_convs: n, at least 1.
        up_scale: s.
        kernel_size: 1 or 3.
        init_cfg: how weights are drawn; None leaves them as torch and mmcv draw them.
        base_arguments: the host's BaseDecodeHead's: ``in_channels``, ``channels``, ``num_classes``, ``norm_cfg``, ...

    Raises:
        ValueError: arguments out of range, or more than one feature map.
    """

    def __init__(
        self,
        *,
        norm_layer: dict = dict(type='LN', eps=1e-6, requires_grad=True),
        num_convs: int = 1,
        up_scale: float = 4,
        kernel_size: int = 3,
        init_cfg: dict | list[dict] | None = [
            dict(type='Constant', val=1.0, bias=0, layer='LayerNorm'),
            dict(type='Normal', std=0.01, override=dict(name='conv_seg')),
        ],
        **base_arguments,
    ):
        check_choices('SETRUPHead', (1, 3), kernel_size=kernel_size)
        up_scale = check_scale('SETRUPHead', up_scale)
        if num_convs < 1:
            raise ValueError(f'SETRUPHead: num_convs={num_convs}; at least one convolution is needed')
        super().__init__(init_cfg=init_cfg, **base_arguments)
        if self.input_transform == 'multiple_select':
            raise ValueError("SETRUPHead: input_transform='multiple_select'; allowed: None, 'resize_concat'")
        self.up_scale = up_scale
        self.norm = build_norm_layer(norm_layer, self.in_channels)[1]
        self.up_convs = nn.ModuleList(
            nn.Sequential(  # of one: the host keeps the upsampling, which has no weights, in second place
                ConvModule(
                    self.channels if index else self.in_channels,
                    self.channels,
                    kernel_size,
                    padding=kernel_size // 2,
                    norm_cfg=self.norm_cfg,
                    act_cfg=self.act_cfg,
                )
            )
            for index in range(num_convs)
        )

    def classify(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Map the chosen feature map (B, D, h, w) to logits (B, K, s^(n-1) h, s^(n-1) w)."""
        x = self._transform_inputs(inputs)  # (B, D, h, w)
        x = norm_channels(self.norm, x)
        (first,), *stages = self.up_convs
        x = conv_norm_act(first, x)  # (B, C, h, w)
        for (block,) in stages:
            x = upsample_conv_norm_act(block, x, self.up_scale, self.align_corners)  # (B, C, s h, s w)
        return self.cls_seg(x)  # before the last upsampling: see pointwise_of_upsampled

    def sizes(self, size: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """The last upsampling, x s."""
        return (scaled(size, self.up_scale),)


@MODELS.register_module()
class SETRMLAHead(DecodeHead):
    """SETR's MLA decoder: two 3x3 convolutions a level, bilinear x s, concatenated, classified.

    L maps (B, D, h, w), those of :class:`~mmseg_vitseg.models.necks.MLANeck`, to logits (B, K, s h, s w). Its numbers and
    its parameters' names are those of the host's class of the same name; the levels are concatenated and classified before
    the upsampling (ops/reorder.py).

    Args:
        mla_channels: channels of each level.
        up_scale: s.
        classifier_size: 1, the host's; 3, the authors', who classify with a 3x3 convolution after the upsampling.
        base_arguments: the host's BaseDecodeHead's; ``channels`` is L times ``mla_channels``.

    Raises:
        ValueError: ``channels`` or ``classifier_size`` is another number, or ``in_channels`` and ``in_index`` are not one a
            level.
    """

    def __init__(self, *, mla_channels: int = 128, up_scale: float = 4, classifier_size: int = 1, **base_arguments):
        check_levels('SETRMLAHead', base_arguments)
        up_scale = check_scale('SETRMLAHead', up_scale)
        super().__init__(input_transform='multiple_select', **base_arguments)
        if self.channels != len(self.in_channels) * mla_channels:
            raise ValueError(
                f'SETRMLAHead: channels={self.channels}; {len(self.in_channels)} levels of mla_channels={mla_channels} '
                f'make {len(self.in_channels) * mla_channels}'
            )
        check_choices('SETRMLAHead', (1, 3), classifier_size=classifier_size)
        if classifier_size == 3:
            self.conv_seg = nn.Conv2d(self.channels, self.out_channels, 3, padding=1)
        self.classifier_size = classifier_size
        self.mla_channels = mla_channels
        self.up_scale = up_scale
        self.up_convs = nn.ModuleList(
            nn.Sequential(*(self._block(channels) for channels in (level, mla_channels))) for level in self.in_channels
        )

    def _block(self, in_channels: int) -> ConvModule:
        return ConvModule(in_channels, self.mla_channels, 3, padding=1, norm_cfg=self.norm_cfg, act_cfg=self.act_cfg)

    def classify(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Map the chosen L feature maps (B, D, h, w) to logits (B, K, h, w); (B, K, s h, s w) of a 3x3 classifier."""
        levels = self._transform_inputs(inputs)  # L of (B, D, h, w)
        levels = [conv_norm_act(convs[0], x) for convs, x in zip(self.up_convs, levels, strict=True)]
        levels = [conv_norm_act(convs[1], x) for convs, x in zip(self.up_convs, levels, strict=True)]
        x = torch.cat(levels, dim=1)  # (B, C, h, w)
        if self.classifier_size == 3:
            x = x if self.dropout is None else self.dropout(x)
            return conv_of_upsampled(x, self.conv_seg.weight, self.conv_seg.bias, self.up_scale, self.align_corners)
        return self.cls_seg(x)  # before the upsampling: see pointwise_of_upsampled

    def sizes(self, size: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """The upsampling, x s, unless the classifier comes after it."""
        return () if self.classifier_size == 3 else (scaled(size, self.up_scale),)
