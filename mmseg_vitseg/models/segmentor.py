"""The host's segmentor, which takes checkpoints whole or not at all, and predicts without logits at full size.

B batch, C channels, H W size of the network's input, K classes, h w size at which logits are computed.
"""

from collections.abc import Sequence

import torch
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import EncoderDecoder as HostEncoderDecoder
from mmseg.structures import SegDataSample
from mmseg.utils import add_prefix
from torch import Tensor, nn

from mmseg_vitseg.checkpoints.strict import account
from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.models.heads.base import DecodeHead, check_training, has_plain_loss, loss_in_strips, overrides
from mmseg_vitseg.models.heads.labels import check_masks
from mmseg_vitseg.models.heads.sizes import input_size
from mmseg_vitseg.models.prediction import DeferredLogits, window_starts
from mmseg_vitseg.ops.resampling import Resampling, resizings, unchanged
from mmseg_vitseg.registry import MODELS

WINDOW_BATCH = {'cpu': 1, 'default': 4}  # on a CPU more of them take more memory and no less time


@MODELS.register_module()
class EncoderDecoder(HostEncoderDecoder):
    """The host's EncoderDecoder; any of the host's backbones, necks and heads, or ours, inside.

    The host skips keys of a checkpoint that do not fit, which loses trainings without a word. Here ``load_from``, resuming
    and ``load_state_dict`` account for every key, or raise a ValueError that lists the others. A checkpoint of the host's
    whole model loads as it is.

    Prediction gives the host's labels, from its two resizings and its sliding windows, but makes the full-size logits in
    strips (ops/resampling.py). ``seg_logits.data`` of a result computes them when it is read. Losses do without them too,
    those of the host's heads included, where they are its plain CrossEntropyLoss. In ``test_cfg``,

    - ``keep_logits=True`` computes and keeps them as the host does, as do heads that predict in a way of their own;
    - ``window_batch`` is how many sliding windows are encoded at once: by default 1 on a CPU, else 4.

    Args:
        from_scratch: name prefixes of what a checkpoint need not fill: for fine-tuning on other classes,
            ``['decode_head.conv_seg', 'auxiliary_head']``, say. What it has there in the model's shape is loaded, so
            that the fine-tuned model's own checkpoints load whole.
        host_arguments: the host's.
    """

    def __init__(self, *, from_scratch: Sequence[str] = (), **host_arguments):
        super().__init__(**host_arguments)
        self.from_scratch = tuple(from_scratch)
        self.register_load_state_dict_pre_hook(_account)

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Return the host's losses and accuracies of all heads."""
        features = self.extract_feat(inputs)
        losses = add_prefix(self._head_loss(self.decode_head, features, data_samples), 'decode')
        if not self.with_auxiliary_head:
            return losses
        if isinstance(self.auxiliary_head, nn.ModuleList):
            for index, head in enumerate(self.auxiliary_head):
                losses |= add_prefix(self._head_loss(head, features, data_samples), f'aux_{index}')
        else:
            losses |= add_prefix(self._head_loss(self.auxiliary_head, features, data_samples), 'aux')
        return losses

    def _head_loss(self, head: nn.Module, features: tuple[Tensor, ...], samples: list[SegDataSample]) -> dict:
        """Return a head's losses; those of the host's heads too without logits at full size, where they can be."""
        if isinstance(head, DecodeHead):
            return head.loss(features, samples, self.train_cfg)
        if not uses_the_hosts(head, 'loss', 'loss_by_feat') or not has_plain_loss(head):
            check_training(head, samples)
            return head.loss(features, samples, self.train_cfg)
        return loss_in_strips(
            head, head(features), samples, lambda size, to: resizings(size, (to,), head.align_corners)
        )

    def predict(self, inputs: Tensor, data_samples: list[SegDataSample] | None = None) -> list[SegDataSample]:
        """Return data samples with ``pred_sem_seg``, the classes at the picture's own size, and ``seg_logits``.

        Raises:
            ValueError: a sample's mask has labels that are no class; the host's scores leave them out without a word.
        """
        for sample in data_samples or ():
            check_masks(self.decode_head, [sample], IGNORED)
        if self.test_cfg.get('keep_logits', False) or not resizes_as_the_host(self.decode_head):
            return super().predict(inputs, data_samples)
        metas = None if data_samples is None else [sample.metainfo for sample in data_samples]
        mode = self.test_cfg.get('mode', 'whole')
        if mode not in ('whole', 'slide'):
            raise ValueError(f"EncoderDecoder: test_cfg has mode={mode!r}; allowed: 'whole', 'slide'")
        if mode == 'slide':
            windows = self._classify_windows(inputs)
            if windows is None:
                return super().predict(inputs, data_samples)
            logits, resampling = windows
        else:
            logits, resampling = self._classify(
                inputs, tuple(inputs.shape[-2:]) if metas is None else input_size(metas)
            )
        samples = data_samples or [SegDataSample() for _ in inputs]
        for index, (sample, one) in enumerate(zip(samples, logits, strict=True)):
            to_picture = resampling if metas is None else self._to_picture(resampling, metas[index])
            deferred = DeferredLogits(one, to_picture)
            threshold = getattr(self.decode_head, 'threshold', None)
            sample.set_data(dict(seg_logits=deferred, pred_sem_seg=PixelData(data=deferred.labels(threshold))))
        return samples

    def _classify(self, images: Tensor, size: tuple[int, int]) -> tuple[Tensor, Resampling]:
        """Return the logits (B, K, h, w) of images (B, C, H, W), and their way to ``size``."""
        features, head = self.extract_feat(images), self.decode_head
        if isinstance(head, DecodeHead):
            logits = head.classify(features)
            return logits, head.resampling(tuple(logits.shape[-2:]), size)
        logits = head(features)
        return logits, unchanged(logits.shape[-2:]).resized(size, head.align_corners)

    def _classify_windows(self, images: Tensor) -> tuple[Tensor, Resampling] | None:
        """Return the logits of all windows of images (B, C, H, W), side by side, and their way to (H, W).

        None where that is more than logits at full size: overlapping windows of a head that works at full size.
        """
        size, count = images.shape[-2:], len(images)
        crop = [min(pair) for pair in zip(self.test_cfg.crop_size, size, strict=True)]
        tops, lefts = map(window_starts, size, crop, self.test_cfg.stride)
        places = [(image, top, left) for image in range(count) for top in tops for left in lefts]
        step = self.test_cfg.get('window_batch', WINDOW_BATCH.get(images.device.type, WINDOW_BATCH['default']))
        for first in range(0, len(places), step):
            batch = places[first : first + step]
            windows = [images[image, :, top : top + crop[0], left : left + crop[1]] for image, top, left in batch]
            logits, resampling = self._classify(torch.stack(windows), tuple(crop))
            if first == 0:
                channels, height, width = logits.shape[1:]
                if len(tops) * height * len(lefts) * width >= size[0] * size[1]:
                    return None
                tiles = logits.new_empty(count, channels, len(tops) * height, len(lefts) * width)
            for (image, top, left), one in zip(batch, logits, strict=True):
                row, column = tops.index(top) * height, lefts.index(left) * width
                tiles[image, :, row : row + height, column : column + width] = one
        return tiles, resampling.in_windows(tops, lefts, size)

    def _to_picture(self, resampling: Resampling, meta: dict) -> Resampling:
        """Go on from the network's input to the picture: padding off, flip undone, resized, as the host does."""
        height, width = resampling.size
        left, right, top, bottom = meta.get('img_padding_size', meta.get('padding_size', [0] * 4))
        resampling = resampling.cropped(top, height - bottom, left, width - right)
        if meta.get('flip'):
            resampling = resampling.flipped(meta['flip_direction'])
        return resampling.resized(meta['ori_shape'][:2], self.align_corners)


def resizes_as_the_host(head: nn.Module) -> bool:
    """Tell heads whose prediction is their logits resized bilinearly from those that predict in a way of their own."""
    if isinstance(head, DecodeHead):
        return not overrides(head, 'forward', 'predict', 'predict_by_feat')
    return uses_the_hosts(head, 'predict', 'predict_by_feat')


def uses_the_hosts(head: nn.Module, *methods: str) -> bool:
    """Tell heads that have these methods from the host's base class."""
    return isinstance(head, BaseDecodeHead) and all(
        getattr(type(head), name) is getattr(BaseDecodeHead, name) for name in methods
    )


def _account(module: EncoderDecoder, state_dict: dict[str, Tensor], prefix: str, *_) -> None:
    own = {name.removeprefix(prefix): value for name, value in state_dict.items() if name.startswith(prefix)}
    filled = account(own, module, 'the checkpoint', module.from_scratch)
    for name in own:
        del state_dict[prefix + name]
    state_dict.update({prefix + name: value for name, value in filled.items()})
