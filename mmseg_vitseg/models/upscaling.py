"""Patch features to pixel features, which EoMT makes its masks from (arXiv 2503.19108). B batch, D width, h w map."""

from torch import Tensor, nn

from mmseg_vitseg.models.convolutions import norm_channels


class Upscale(nn.Module):
    """Twice the size: a transposed convolution, GELU, a depthwise convolution, and a layer norm over the channels.

    ViTDet's pyramid (arXiv 2203.16527) has the first two.
    """

    def __init__(self, width: int):
        super().__init__()
        self.conv1 = nn.ConvTranspose2d(width, width, 2, stride=2)
        self.act = nn.GELU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, D, h, w) to (B, D, 2 h, 2 w)."""
        x = self.conv2(self.act(self.conv1(x)))  # (B, D, 2 h, 2 w), the largest tensors there are: two at a time
        return norm_channels(self.norm, x)
