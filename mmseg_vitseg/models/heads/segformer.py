"""SegFormer's all-MLP decoder (arXiv 2105.15203, section 3.2), in the host's form and in the authors'.

B batch, L levels, D_i h_i w_i width and size of level i, C decoder channels, K classes.
"""

from mmcv.cnn import ConvModule
from torch import Tensor, nn

from mmseg_vitseg.models.argument_checks import check_levels
from mmseg_vitseg.models.convolutions import conv_norm_act, fold_norm, norm_act
from mmseg_vitseg.models.heads.base import DecodeHead
from mmseg_vitseg.ops.reorder import merge_pointwise, pointwise_of_upsampled_levels
from mmseg_vitseg.registry import MODELS


@MODELS.register_module()
class SegformerHead(DecodeHead):
    """The all-MLP decoder: L maps (B, D_i, h_i, w_i) to logits (B, K, h_0, w_0).

    Each level is projected to C channels and upsampled to the first level's size; a 1x1 convolution, norm and ReLU fuse
    their concatenation; the classifier follows. Its numbers and its parameters' names are those of the host's class of
    the same name. Here each level's share of the fusion is computed at that level's own size and the shares are summed
    (ops/reorder.py). Levels may be of any number and size, all the same size included (a plain ViT's).

    Args:
        channels: C. The paper has 256 for B0 and B1, 768 for the others; the host has 256.
        linear_projection: how a level is projected. False, the host's form: 1x1 convolution, norm, ReLU. True, the paper's,
            its authors' and HF's: a linear layer with a bias, nothing else; the layer and its part of the fusion are then
            one matrix, here and in training too.
        interpolate_mode: of the upsampling.
        base_arguments: the host's BaseDecodeHead's: ``in_channels``, ``in_index``, ``num_classes``, ``norm_cfg``, ...

    Raises:
        ValueError: ``in_channels`` and ``in_index`` are not one a level.
    """

    def __init__(self, *, linear_projection: bool = False, interpolate_mode: str = 'bilinear', **base_arguments):
        check_levels('SegformerHead', base_arguments)
        super().__init__(input_transform='multiple_select', **base_arguments)
        self.linear_projection = linear_projection
        self.interpolate_mode = interpolate_mode
        norm_cfg, act_cfg = (None, None) if linear_projection else (self.norm_cfg, self.act_cfg)
        self.convs = nn.ModuleList(
            ConvModule(width, self.channels, 1, norm_cfg=norm_cfg, act_cfg=act_cfg) for width in self.in_channels
        )
        self.fusion_conv = ConvModule(len(self.in_channels) * self.channels, self.channels, 1, norm_cfg=self.norm_cfg)

    def classify(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Map the chosen L feature maps (B, D_i, h_i, w_i) to logits (B, K, h_0, w_0)."""
        levels = self._transform_inputs(inputs)
        size = levels[0].shape[-2:]
        weight, bias, norm = fold_norm(self.fusion_conv, levels[0].shape[0] * size[0] * size[1])  # (C, L C, 1, 1)
        weights = weight.split(self.channels, dim=1)  # L of (C, C, 1, 1)
        if self.linear_projection:
            weights, bias = merge_pointwise([(conv.conv.weight, conv.conv.bias) for conv in self.convs], weights, bias)
        else:
            levels = [
                conv_norm_act(conv, x) for conv, x in zip(self.convs, levels, strict=True)
            ]  # L of (B, C, h_i, w_i)
        x = pointwise_of_upsampled_levels(levels, weights, bias, size, self.interpolate_mode, self.align_corners)
        x = norm_act(self.fusion_conv, norm, x)  # (B, C, h_0, w_0)
        return self.cls_seg(x)
