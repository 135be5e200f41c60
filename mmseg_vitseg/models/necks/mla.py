"""SETR's multi-level feature aggregation (arXiv 2012.15840, section 3.3), the part between backbone and heads.

B batch, D width, h w patch grid, C channels out, L levels.
"""

from collections.abc import Sequence
from itertools import accumulate

from mmcv.cnn import ConvModule, build_norm_layer
from torch import Tensor, nn

from mmseg_vitseg.models.convolutions import conv_norm_act, norm_channels
from mmseg_vitseg.registry import MODELS


@MODELS.register_module()
class MLANeck(nn.Module):
    """L levels of one size (B, D, h, w), shallow to deep, to L maps (B, C, h, w), deep to shallow.

    Each level is projected (1x1), added to the sum of the deeper ones, and smoothed (3x3). Order of the outputs, numbers and
    parameters' names are those of the host's class of the same name.

    Args:
        in_channels: D of each level.
        out_channels: C.
        norm_layer: the norm of each level's channels.
        norm_cfg: norm of the convolutions, None for none.
        act_cfg: activation of the convolutions, None for none.
    """

    def __init__(
        self,
        *,
        in_channels: Sequence[int],
        out_channels: int,
        norm_layer: dict = dict(type='LN', eps=1e-6, requires_grad=True),
        norm_cfg: dict | None = None,
        act_cfg: dict | None = None,
    ):
        super().__init__()
        if isinstance(in_channels, int):
            raise ValueError(f'MLANeck: in_channels={in_channels}; a list, one width a level')
        self.in_channels = list(in_channels)
        self.out_channels = out_channels
        settings = dict(norm_cfg=norm_cfg, act_cfg=act_cfg)
        self.norm = nn.ModuleList(build_norm_layer(norm_layer, channels)[1] for channels in in_channels)
        self.mla = nn.ModuleDict(
            dict(
                channel_proj=nn.ModuleList(
                    ConvModule(channels, out_channels, 1, **settings) for channels in in_channels
                ),
                feat_extract=nn.ModuleList(
                    ConvModule(out_channels, out_channels, 3, padding=1, **settings) for _ in in_channels
                ),
            )
        )

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Map L of (B, D, h, w), shallow to deep, to L of (B, C, h, w), deep to shallow.

        Raises:
            ValueError: another number of levels than ``in_channels`` has.
        """
        if len(inputs) != len(self.in_channels):
            raise ValueError(
                f'MLANeck: {len(inputs)} feature maps for in_channels={self.in_channels}; '
                "the backbone's out_indices must be as many"
            )
        levels = [norm_channels(norm, x) for norm, x in zip(self.norm, inputs, strict=True)]
        levels = [conv_norm_act(conv, x) for conv, x in zip(self.mla['channel_proj'], levels, strict=True)]
        sums = accumulate(reversed(levels))  # deep to shallow: each level and all deeper ones
        return tuple(conv_norm_act(conv, x) for conv, x in zip(self.mla['feat_extract'], sums, strict=True))
