"""The head that predicts, from each token, the logits of its own patch.

B batch, D width, h w patch grid, N = h w patches, p patch size in pixels, K classes, H W image size in pixels.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from mmseg_vitseg.models.argument_checks import check_sizes
from mmseg_vitseg.models.heads.base import DecodeHead, input_size
from mmseg_vitseg.models.layers import Linear, draw_linear
from mmseg_vitseg.ops.patches import patches_to_images
from mmseg_vitseg.ops.resampling import Resampling, unchanged
from mmseg_vitseg.registry import MODELS


@MODELS.register_module()
class LinearPatchHead(DecodeHead):
    """One projection, shared by all patches, from a token to its patch's logits; no convolution.

    The decoder of "Efficient image segmentation, part 4": (B, D, h, w) to logits (B, K, h p, w p). Where the image is no
    multiple of the patch size, the backbone has padded it at the bottom and the right, and the logits there are cut off.

    Args:
        in_channels: D, the width of the feature map that ``in_index`` names.
        num_classes: K.
        patch_size: p, in pixels: the backbone's.
        depth: linear layers; more than one makes the projection an MLP with GELU in between.
        hidden_channels: the MLP's hidden width; D where it is not given.
        dropout_ratio: dropout of the tokens, before the projection.
        base_arguments: the host's BaseDecodeHead's: ``in_index``, ``loss_decode``, ``ignore_index``, ``sampler``, ...
    """

    def __init__(
        self,
        *,
        in_channels: int,
        num_classes: int,
        patch_size: int = 16,
        depth: int = 1,
        hidden_channels: int | None = None,
        dropout_ratio: float = 0.0,
        init_cfg: dict | None = None,
        **base_arguments,
    ):
        check_sizes('LinearPatchHead', patch_size=patch_size, depth=depth)
        super().__init__(
            in_channels,
            1,  # channels of conv_seg, which goes below
            num_classes=num_classes,
            dropout_ratio=dropout_ratio,
            init_cfg=init_cfg,
            **base_arguments,
        )
        del self.conv_seg  # the host's classifier of each pixel; here the projection classifies
        if self.input_transform == 'multiple_select':
            raise ValueError("LinearPatchHead: input_transform='multiple_select'; allowed: None, 'resize_concat'")
        self.patch_size = patch_size
        self.dropout = nn.Dropout(dropout_ratio) if dropout_ratio > 0 else None
        layers: list[nn.Module] = []
        width = self.in_channels
        for _ in range(depth - 1):
            layers += [Linear(width, hidden_channels or self.in_channels), nn.GELU()]
            width = hidden_channels or self.in_channels
        self.projection = nn.Sequential(*layers, Linear(width, self.out_channels * patch_size**2))

    def classify(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Map the chosen feature map (B, D, h, w) to logits (B, K, h p, w p)."""
        x: Tensor = self._transform_inputs(inputs)  # (B, D, h, w)
        grid = x.shape[-2:]
        x = x.flatten(2).transpose(1, 2)  # (B, N, D)
        if self.dropout is not None:
            x = self.dropout(x)
        x = self.projection(x)  # (B, N, K p p)
        return patches_to_images(x, grid, self.patch_size)  # (B, K, h p, w p)

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: list) -> dict[str, Tensor]:
        """Cut the padding off the logits, then the host's losses."""
        height, width = batch_data_samples[0].gt_sem_seg.data.shape[-2:]
        self._check_grid(seg_logits.shape[-2:], (height, width))
        return super().loss_by_feat(seg_logits[..., :height, :width], batch_data_samples)

    def predict_by_feat(self, seg_logits: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Cut the padding off the logits: (B, K, H, W)."""
        height, width = input_size(batch_img_metas)
        self._check_grid(seg_logits.shape[-2:], (height, width))
        # not by slices: of a view, torch.export asks whether it is the whole, and then refuses sizes of the other answer
        return F.pad(seg_logits, (0, width - seg_logits.shape[3], 0, height - seg_logits.shape[2]))

    def resampling(self, size: tuple[int, int], target: tuple[int, int]) -> Resampling:
        """Cut the padding off: the logits are as large as the padded image."""
        self._check_grid(size, target)
        return unchanged(size).cropped(0, target[0], 0, target[1])

    def _check_grid(self, padded: tuple[int, int], size: tuple[int, int]) -> None:
        """Check that the backbone padded an image of ``size`` (H, W) to logits of (h p, w p)."""
        grid = tuple(pixels // self.patch_size for pixels in padded)
        if grid != tuple((pixels + self.patch_size - 1) // self.patch_size for pixels in size):
            raise ValueError(
                f'LinearPatchHead: a {grid[0]} x {grid[1]} grid of patches of {self.patch_size} pixels does not cover an '
                f'image of {size[0]} x {size[1]}; patch_size must be the stride of the feature map, for a ViT its patch size'
            )

    def init_weights(self) -> None:
        """Draw weights as the backbone's linear layers, unless ``init_cfg`` says otherwise."""
        if self.init_cfg:
            super().init_weights()
            return
        for module in self.projection:
            if isinstance(module, nn.Linear):
                draw_linear(module)
