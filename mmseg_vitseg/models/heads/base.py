"""What our decode heads share: logits stay at the size at which they are computed for as long as can be.

B batch, K classes, h w size of the logits that a head computes, H W size of the labels or of the network's input.
"""

from collections.abc import Callable, Sequence

import torch
from mmengine.logging import print_log
from mmseg.models import losses as host
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from mmseg_vitseg.checkpoints.pretrained import load_part, pretrained_options
from mmseg_vitseg.models.arguments import check_sizes
from mmseg_vitseg.models.heads.labels import check_masks, ignored_by_losses, takes_labels
from mmseg_vitseg.models.heads.sizes import input_size
from mmseg_vitseg.models.losses import CrossEntropyLoss, check_one_logit, losses_of
from mmseg_vitseg.ops.reorder import resize
from mmseg_vitseg.ops.resampling import Resampling, resizings
from mmseg_vitseg.ops.upsample_loss import upsample_cross_entropy


class DecodeHead(BaseDecodeHead):
    """A decode head whose loss never holds logits at the labels' size (ops/upsample_loss.py).

    That is so where the loss is a CrossEntropyLoss over classes, the host's or ours, without a sampler; any other goes the
    host's own way, and the log says so once. A head says how its logits are made in :meth:`classify`, and which sizes they
    are upsampled to after that in :meth:`sizes`.

    ``init_cfg=dict(type='Pretrained', checkpoint=...)`` may name a whole model's file of any source; ``prefix`` is the
    head's name in it, ``decode_head.`` by default.
    """

    def __init__(self, in_channels: int | Sequence[int], channels: int, *, num_classes: int, **base_arguments):
        sizes = dict(in_channels=in_channels, channels=channels, num_classes=num_classes)
        check_sizes(type(self).__name__, **sizes)
        super().__init__(in_channels, channels, num_classes=num_classes, **base_arguments)

    def init_weights(self) -> None:
        """Load the file that ``init_cfg`` names, or draw weights as the host does.

        Raises:
            FileNotFoundError, ValueError: as :func:`~mmseg_vitseg.checkpoints.pretrained.load_part`.
        """
        options = pretrained_options(self, ('source', 'prefix', 'container'))
        if options is None:
            super().init_weights()
        else:
            load_part(self, **options)

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

    def classify(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Map feature maps to logits (B, K, h, w), before any upsampling that could come before the classifier."""
        raise NotImplementedError

    def sizes(self, size: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        """Return the sizes that logits of ``size`` are resized to on the way to the host's head's."""
        return ()

    def resampling(self, size: tuple[int, int], target: tuple[int, int]) -> Resampling:
        """Return the way of logits of ``size`` (h, w) to the ``target`` (H, W)."""
        return resizings(size, (*self.sizes(size), target), self.align_corners)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Map feature maps to the logits that the host's head of this name returns."""
        logits = self.classify(inputs)  # (B, K, h, w)
        for size in self.sizes(tuple(logits.shape[-2:])):
            logits = resize(logits, size, self.align_corners)
        return logits

    def predict_by_feat(self, seg_logits: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Resize logits to the network's input, as the host does, but for its warnings, which need sizes as numbers."""
        return resize(seg_logits, input_size(batch_img_metas), self.align_corners)

    def loss(self, inputs: tuple[Tensor, ...], batch_data_samples: list, train_cfg: dict) -> dict[str, Tensor]:
        """Return the host's losses and accuracy.

        Raises:
            ValueError: labels that are no class; a loss that learns nothing of one logit, or the inverse.
        """
        if has_plain_loss(self) and not overrides(self, 'forward', 'loss_by_feat'):
            return loss_in_strips(self, self.classify(inputs), batch_data_samples, self.resampling)
        check_training(self, batch_data_samples)
        if not overrides(self, 'forward', 'loss_by_feat'):
            self._say_that_it_is_held()
        return super().loss(inputs, batch_data_samples, train_cfg)

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
        if not getattr(self, '_said', False):
            self._said = True
            several = isinstance(self.loss_decode, nn.ModuleList)
            names = [type(one).__name__ if several else repr(one) for one in losses_of(self)]
            print_log(
                f"{type(self).__name__}: logits are held at the labels' size for {', '.join(names)}"
                f'{"" if self.sampler is None else " and " + type(self.sampler).__name__}; only a plain CrossEntropyLoss '
                'needs none of that',
                logger='current',
            )


def overrides(head: DecodeHead, *methods: str) -> bool:
    """Tell whether a class derived from one of our heads has methods of its own, which then are to be called."""
    classes = type(head).__mro__
    derived = classes[: next(index for index, cls in enumerate(classes) if 'classify' in vars(cls))]
    return any(method in vars(cls) for cls in derived for method in methods)


def check_training(head: nn.Module, samples: list) -> None:
    """Refuse what the host's losses would meet late, or in silence.

    Raises:
        ValueError: labels that are no class; a loss that learns nothing of one logit, or the inverse.
    """
    if takes_labels(head):
        check_one_logit(head)
        check_masks(head, samples, *ignored_by_losses(head))


def loss_in_strips(
    head: BaseDecodeHead,
    logits: Tensor,
    samples: list,
    resampling: Callable[[tuple[int, int], tuple[int, int]], Resampling],
) -> dict[str, Tensor]:
    """Return the host's losses and accuracy of a head that :func:`has_plain_loss`, from its logits (B, K, h, w).

    Args:
        head: the host's or ours.
        logits: (B, K, h, w).
        samples: data samples with labels of (H, W).
        resampling: gives, of (h, w) and (H, W), the way from the one to the other.
    """
    criterion = head.loss_decode
    labels = head._stack_batch_gt(samples).squeeze(1)  # (B, H, W)
    try:
        loss, accuracy = upsample_cross_entropy(
            logits,
            labels,
            resampling=resampling(tuple(logits.shape[-2:]), tuple(labels.shape[-2:])),
            ignore_index=head.ignore_index,
            class_weight=None if criterion.class_weight is None else logits.new_tensor(criterion.class_weight).float(),
            avg_non_ignore=criterion.avg_non_ignore,
            reduction=criterion.reduction,
        )
    except ValueError:
        check_masks(head, samples)  # which names the mask
        raise
    return {criterion.loss_name: criterion.loss_weight * loss, 'acc_seg': accuracy}


def has_plain_loss(head: BaseDecodeHead) -> bool:
    """Tell heads with the host's or our cross-entropy over classes, averaged or summed, from those with any other loss."""
    criterion = head.loss_decode
    return (
        head.sampler is None
        and head.out_channels != 1
        and type(criterion) in (host.CrossEntropyLoss, CrossEntropyLoss)
        and not criterion.use_sigmoid
        and not criterion.use_mask
        and criterion.reduction in ('mean', 'sum')
    )
