"""A linear probe as users of Hugging Face's backbones write it: torch's own layers on its normed outputs.

B batch, C channels of the input, K classes, H W size of the input, D width, h w patch grid.
"""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from mmseg.models.losses import CrossEntropyLoss
from torch import Tensor, nn

from mmseg_vitseg.benchmark.huggingface_backbones import HuggingFaceEncoder, refuse, with_own_names
from mmseg_vitseg.benchmark.segmentors import DenseSegmentor


class LinearProbe(nn.Module):
    """Hugging Face's backbone and what our LinearHead computes: batch norm, dropout and a 1x1 convolution.

    Args:
        ours: a segmentor of ours with such a head.

    Raises:
        ValueError: it is more than a probe that is trained by cross-entropy and predicts whole pictures.
    """

    def __init__(self, ours: nn.Module):
        super().__init__()
        head = ours.decode_head
        loss, whole = head.loss_decode, '(a probe predicts whole pictures: --cfg-options model.test_cfg.mode=whole)'
        refuse(
            'linear probe',
            {
                'auxiliary_head': ours.with_auxiliary_head,
                'loss_decode': type(loss) is not CrossEntropyLoss or _is_weighted(loss),
                'sampler': head.sampler is not None,
                'align_corners': head.align_corners,
                'num_classes': head.out_channels != head.num_classes or head.num_classes < 2,
                f'test_cfg.mode {whole}': ours.test_cfg.get('mode', 'whole') != 'whole',
            },
        )
        self.ignored = head.ignore_index
        self.levels = tuple(head.in_index)
        self.backbone = HuggingFaceEncoder(ours.backbone)
        layers = dict(
            bn=nn.BatchNorm2d(head.channels, head.bn.eps, head.bn.momentum),
            dropout=nn.Dropout2d(head.dropout_ratio),
            conv_seg=nn.Conv2d(head.channels, head.num_classes, kernel_size=1),
        )
        self.decode_head = nn.Sequential(OrderedDict(layers))

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, C, H, W) to logits (B, K, h, w)."""
        maps = self.backbone(images)
        chosen = [maps[level] for level in self.levels]  # of (B, D, h, w)
        return self.decode_head(chosen[0] if len(chosen) == 1 else torch.cat(chosen, dim=1))


def _is_weighted(loss: CrossEntropyLoss) -> bool:
    return loss.use_sigmoid or loss.use_mask or loss.class_weight is not None or loss.loss_weight != 1


class HuggingFaceProbe(DenseSegmentor):
    """A LinearProbe."""

    @property
    def classes(self) -> int:
        """K."""
        return self.model.decode_head.conv_seg.out_channels

    def weights(self) -> dict[str, Tensor]:
        """Return the state dict with the backbone's names as Hugging Face's own models have them."""
        return with_own_names(self.model)

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, C, H, W) to the head's logits, (B, K, h, w)."""
        return self.model(images)

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of (B, C, H, W) with labels (B, H, W)."""
        logits = F.interpolate(self.model(images), labels.shape[-2:], mode='bilinear', align_corners=False)
        return nn.CrossEntropyLoss(ignore_index=self.model.ignored)(logits, labels)
