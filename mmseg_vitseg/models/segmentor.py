"""The host's segmentor, which takes checkpoints whole or not at all, and predicts without logits at full size.

B batch, C channels, H W size of the network's input, K classes, h w size at which logits are computed.
"""

from collections.abc import Sequence
from types import MethodType

import torch
from mmseg.models.segmentors import EncoderDecoder as HostEncoderDecoder
from mmseg.structures import SegDataSample
from mmseg.utils import add_prefix
from torch import Tensor, nn

from mmseg_vitseg.checkpoints.accounting import account_for
from mmseg_vitseg.checkpoints.loading import replace_given
from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.models.confidence import add_confidence, gives_confidence
from mmseg_vitseg.models.heads.base import DecodeHead, input_size
from mmseg_vitseg.models.losses.head_loss import head_loss
from mmseg_vitseg.models.losses.label_errors import check_masks
from mmseg_vitseg.models.prediction import Small, results_of, to_picture
from mmseg_vitseg.models.small_logits import SmallLogits, classified, predicts_small, way_of
from mmseg_vitseg.models.windows import classify_windows, window_starts
from mmseg_vitseg.registry import MODELS

# What torch.compile gets. It takes tensors, and ends where names and sizes of data samples are read: a graph of these would
# be compiled anew for each batch.
COMPILED = ('_losses', '_logits', 'encode_decode', '_forward')


@MODELS.register_module()
class EncoderDecoder(HostEncoderDecoder):
    """The host's EncoderDecoder; any of the host's backbones, necks and heads, or ours, inside.

    The host skips keys of a checkpoint that do not fit, which loses trainings without a word. Here ``load_from``, resuming
    and ``load_state_dict`` account for every key, or raise a ValueError that lists the others. A checkpoint of the host's
    whole model loads as it is.

    Prediction gives the host's labels, from its two resizings and its sliding windows, but makes the full-size logits in
    strips (ops/resampling.py). ``seg_logits.data`` of a result computes them when it is read. Losses do without them too,
    those of the host's heads included, where they are functions of sums over pixels (losses/sums.py). In ``test_cfg``,

    - ``confidence=True`` adds ``confidence`` to a result, (1, H, W): the probability of the class that a pixel is given;
    - ``keep_logits=True`` computes and keeps them as the host does, as do heads that predict in a way of their own;
    - ``mode='slide'`` with a ``crop_size`` and no ``stride`` takes the fewest windows that cover it, evenly overlapped;
    - ``window_batch`` is how many sliding windows are encoded at once: by default 1 on a CPU, else 16.

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

    @property
    def gives_probabilities(self) -> bool:
        """Whether ``seg_logits`` are probabilities, of which views are averaged as they are (see SegTTAModel)."""
        return self.out_channels == 1

    def compile(self, *arguments, **options) -> None:
        """Compile, in place, what losses, logits and labels are computed by; arguments are those of torch.compile.

        Names in the state dict stay as they are. A copy of the model is compiled too.
        """
        for name in COMPILED:
            compiled = torch.compile(getattr(type(self), name), *arguments, **options)
            setattr(self, name, MethodType(compiled, self))  # a method, which a copy of the model has as its own

    def loss(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
        """Return the host's losses and accuracies of all heads.

        Raises:
            ValueError: labels that are no class.
        """
        try:
            return self._losses(inputs, data_samples)
        except ValueError:
            if '_losses' in vars(self):  # compiled, which leaves out what would name the mask
                check_masks(self.decode_head, data_samples)
            raise

    def _losses(self, inputs: Tensor, data_samples: list[SegDataSample]) -> dict[str, Tensor]:
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
            return head.loss(features, samples, self.train_cfg)  # which asks head_loss itself
        return head_loss(head, features, samples, lambda usable: head.loss(features, usable, self.train_cfg))

    def predict(self, inputs: Tensor, data_samples: list[SegDataSample] | None = None) -> list[SegDataSample]:
        """Return data samples with ``pred_sem_seg``, the classes at the picture's own size, and ``seg_logits``.

        Raises:
            ValueError: a sample's mask has labels that are no class; the host's scores leave them out without a word.
        """
        results = self._predict(inputs, data_samples)
        # who brings masks compares with them next, and waits for the GPU then as well
        check_masks(self.decode_head, data_samples or [], IGNORED)
        return results

    def _predict(self, inputs: Tensor, data_samples: list[SegDataSample] | None) -> list[SegDataSample]:
        confidence = gives_confidence(self)
        small = self._small(inputs, data_samples)
        if small is None:
            results = super().predict(inputs, data_samples)
            if confidence:
                add_confidence(results, self.decode_head, probabilities=self.gives_probabilities)
            return results
        threshold = getattr(self.decode_head, 'threshold', None)
        samples = data_samples or [SegDataSample() for _ in inputs]
        for index, sample in enumerate(samples):
            resampling = small.resampling
            if data_samples is not None:
                resampling = to_picture(resampling, sample.metainfo, self.align_corners)
            sample.set_data(results_of(small.of(index, resampling), threshold, confidence=confidence))
        return samples

    def _small(self, inputs: Tensor, samples: list[SegDataSample] | None) -> Small | None:
        """Return what the head computes of inputs (B, C, H, W), and its way to (H, W).

        None where the host's way is asked for, is the head's, or takes less memory.
        """
        if self.test_cfg.get('keep_logits', False) or not self.predicts_small():
            return None
        mode = self.test_cfg.get('mode', 'whole')
        if mode not in ('whole', 'slide'):
            raise ValueError(f"EncoderDecoder: test_cfg has mode={mode!r}; allowed: 'whole', 'slide'")
        if mode == 'slide':
            return classify_windows(
                inputs,
                self.classify,
                crop_size=self.test_cfg.crop_size,
                stride=self.test_cfg.get('stride'),
                batch_size=self.test_cfg.get('window_batch'),
            )
        size = inputs.shape[-2:] if samples is None else input_size([sample.metainfo for sample in samples])
        return self.classify(inputs, tuple(size))

    def slide_inference(self, inputs: Tensor, batch_img_metas: list[dict]) -> Tensor:
        """Return the host's logits (B, K, H, W) of sliding windows, or without a stride of EoMT's: see ``windows.py``."""
        if self.test_cfg.get('stride') is not None:
            return super().slide_inference(inputs, batch_img_metas)
        size = inputs.shape[-2:]
        height, width = (min(pair) for pair in zip(self.test_cfg.crop_size, size, strict=True))
        total, covered = inputs.new_zeros(len(inputs), self.out_channels, *size), inputs.new_zeros(size)
        metas = [dict(meta, img_shape=torch.Size((height, width))) for meta in batch_img_metas]
        for top in window_starts(size[0], height, None):
            for left in window_starts(size[1], width, None):
                rows, columns = slice(top, top + height), slice(left, left + width)
                total[..., rows, columns] += self.encode_decode(inputs[..., rows, columns], metas)
                covered[rows, columns] += 1
        return total / covered

    def predicts_small(self) -> bool:
        """Tell whether the head's prediction is made of something small, as :meth:`classify` returns it."""
        return predicts_small(self.decode_head)

    def classify(self, images: Tensor, size: tuple[int, int]) -> Small:
        """Return what the head computes of images (B, C, H, W), and its way to ``size``."""
        logits = self._logits(images)
        return SmallLogits(logits, way_of(self.decode_head, logits, size))

    def _logits(self, images: Tensor) -> Tensor:
        return classified(self.decode_head, self.extract_feat(images))


def _account(module: EncoderDecoder, state_dict: dict[str, Tensor], prefix: str, *_) -> None:
    def accounted(given: dict[str, Tensor]) -> dict[str, Tensor]:
        return account_for(module, given, 'the checkpoint', module.from_scratch).weights

    replace_given(state_dict, prefix, accounted)
