"""What our decode heads share: logits stay at the size at which they are computed for as long as can be.

B batch, K classes, h w size of the logits that a head computes, H W size of the labels or of the network's input.
"""

from collections.abc import Sequence

import torch
from mmengine.logging import print_log
from mmseg.models import losses as host
from torch import Tensor

from mmseg_vitseg.models.argument_checks import check_sizes
from mmseg_vitseg.models.heads.pretrained import PretrainedHead
from mmseg_vitseg.models.losses.head_loss import full_size_for, head_loss
from mmseg_vitseg.models.small_logits import SmallLogitsHead
from mmseg_vitseg.ops.reorder import resize


class DecodeHead(PretrainedHead, SmallLogitsHead):
    """A decode head whose loss never holds logits at the labels' size.

    That is so of losses that are functions of sums over pixels (losses/sums.py), alone or in a list, with the host's
    OHEMPixelSampler or without a sampler; any other goes the host's own way, and the log says so once (losses/head_loss.py).
    """

    def __init__(self, in_channels: int | Sequence[int], channels: int, *, num_classes: int, **base_arguments):
        sizes = dict(in_channels=in_channels, channels=channels, num_classes=num_classes)
        check_sizes(type(self).__name__, **sizes)
        super().__init__(in_channels, channels, num_classes=num_classes, **base_arguments)
        self._said = False

    def _transform_inputs(self, inputs: tuple[Tensor, ...]) -> Tensor | list[Tensor]:
        """Choose the host's way, and check that what is chosen is there and as wide as ``in_channels`` says."""
        name, given = type(self).__name__, [x.shape[1] for x in inputs]
        try:
            chosen = super()._transform_inputs(inputs)
        except IndexError as error:
            raise ValueError(f'{name}: in_index={self.in_index}, but there are {len(given)} feature maps') from error
        widths = [x.shape[1] for x in chosen] if isinstance(chosen, list) else [chosen.shape[1]]
        wanted = [self.in_channels] if isinstance(self.in_channels, int) else list(self.in_channels)
        if widths != wanted:
            raise ValueError(
                f'{name}: in_channels={self.in_channels} with in_index={self.in_index}, but the feature maps have '
                f'{", ".join(map(str, given))} channels'
            )
        return chosen

    def predict_by_feat(self, seg_logits: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Resize logits to the network's input, as the host does, but for its warnings, which need sizes as numbers."""
        return resize(seg_logits, input_size(batch_img_metas), self.align_corners)

    def loss(self, inputs: tuple[Tensor, ...], batch_data_samples: list, train_cfg: dict) -> dict[str, Tensor]:
        """Return the host's losses and accuracy.

        Raises:
            ValueError: labels that are no class, but on CUDA; a loss that learns nothing of one logit, or the inverse.
        """
        return head_loss(
            self, inputs, batch_data_samples, lambda samples: self._loss_by_the_host(inputs, samples, train_cfg)
        )

    def _loss_by_the_host(self, inputs: tuple[Tensor, ...], samples: list, train_cfg: dict) -> dict[str, Tensor]:
        if self.trains_small:
            self._say_that_it_is_held()
        return super().loss(inputs, samples, train_cfg)

    def loss_by_feat(self, seg_logits: Tensor, batch_data_samples: list) -> dict[str, Tensor]:
        """Return the host's losses and accuracy; of one logit, the host's accuracy is how much is background."""
        losses = super().loss_by_feat(seg_logits, batch_data_samples)
        if self.out_channels == 1:
            labels = self._stack_batch_gt(batch_data_samples)  # (B, 1, H, W)
            margin = resize(seg_logits, labels.shape[2:], self.align_corners).sigmoid() - self.threshold
            votes = torch.cat([-margin, margin], dim=1)  # (B, 2, H, W)
            losses['acc_seg'] = host.accuracy(votes, labels.squeeze(1), ignore_index=self.ignore_index)
        return losses

    def _say_that_it_is_held(self) -> None:
        if not self._said:
            self._said = True
            print_log(
                f"{type(self).__name__}: logits are held at the labels' size for {', '.join(full_size_for(self))}; "
                'functions of sums over pixels, as cross-entropy, Dice, Tversky and our focal loss are, need none of that',
                logger='current',
            )


def input_size(batch_img_metas: list[dict]) -> tuple[int, int]:
    """Return the (H, W) of the network's input, by the host's rule.

    In sliding-window inference the host puts the window's torch.Size under ``img_shape``; otherwise an image that was padded
    has its padded size under ``pad_shape``.
    """
    meta = batch_img_metas[0]
    if isinstance(meta['img_shape'], torch.Size) or 'pad_shape' not in meta:
        return tuple(meta['img_shape'][:2])
    return tuple(meta['pad_shape'][:2])
