"""A loss tried on a few made-up pixels: does it fail, and what would a head learn from it?

B batch, K logits a pixel, H W size of the labels.
"""

import copy
from typing import NamedTuple

import torch
from mmengine.structures import PixelData
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import Tensor

from mmseg_vitseg.checking.training_setup import Setup
from mmseg_vitseg.config.heads import logits_of
from mmseg_vitseg.config.parts import Part, argument, class_of, quiet
from mmseg_vitseg.errors import first_line
from mmseg_vitseg.models.heads.base import DecodeHead
from mmseg_vitseg.models.losses.head_loss import head_loss, losses_in_strips
from mmseg_vitseg.models.losses.sums import MAKERS
from mmseg_vitseg.models.segmentor import EncoderDecoder

FAILS = 'the first step of training fails'


class Taught(NamedTuple):
    """What a loss does with made-up pixels.

    Args:
        problem: what is wrong with it, None where nothing is.
        why: what comes of it.
        ignored: whether pixels that the head ignores change the gradient.
    """

    problem: str | None
    why: str = ''
    ignored: bool = False


class _Head(BaseDecodeHead):
    """The host's head, to be given logits."""

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs


def taught_by(setup: Setup, head: Part, loss: dict) -> Taught:
    """Try a loss of a head, with the head's sampler and ignored label."""
    classes = logits_of(head.node)
    ignored = argument(head.node, 'ignore_index', class_of(head.node, MODELS))
    side = min(max(16, int(classes**0.5) + 1), 32)  # of more classes than pixels, some are not tried
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(0)
        logits = (torch.randn(2, classes, side, side) * 0.1).requires_grad_()
        labels = (torch.randperm(2 * side * side) % max(classes, 2)).reshape(2, 1, side, side)
        if ignored is not None:
            labels[:, :, :2] = ignored
        try:
            value = _loss(setup, head, loss, logits, labels)
            value.backward()
        except Exception as problem:  # losses fail in their own ways
            kind, text = type(problem).__name__, ' '.join(first_line(problem).split())
            return Taught(text if text.startswith(kind) else f'{kind}: {text}', FAILS)
    return _judge(value, logits.grad, labels[:, 0], ignored)


def _loss(setup: Setup, head: Part, loss: dict, logits: Tensor, labels: Tensor) -> Tensor:
    """Return what training would: in our heads and in our segmentor, losses that can be in strips are."""
    node, classes = head.node, logits.shape[1]
    module = _Head(
        in_channels=1,
        channels=1,
        num_classes=max(classes, 2),
        out_channels=classes,
        threshold=0.5,
        loss_decode=copy.deepcopy(loss),
        ignore_index=argument(node, 'ignore_index', class_of(node, MODELS)),
        sampler=copy.deepcopy(node.get('sampler')),
    )
    samples = [SegDataSample(gt_sem_seg=PixelData(data=one)) for one in labels]
    segmentor, cls = class_of(setup.model.node, MODELS), class_of(node, MODELS)
    ours = any(issubclass(one, base) for one, base in ((segmentor, EncoderDecoder), (cls, DecodeHead)) if one)
    given = argument(node, 'loss_decode', cls)
    together = all(class_of(one, MODELS) in MAKERS for one in (given if isinstance(given, list) else ()))

    def by_the_host(samples: list[SegDataSample]) -> dict[str, Tensor]:
        return module.loss_by_feat(logits, samples)

    # any other loss is the host's own also in ours, which refuse what is to be found out here
    in_strips = ours and together and losses_in_strips(module) is not None
    losses = head_loss(module, logits, samples, by_the_host) if in_strips else by_the_host(samples)
    return next(value for name, value in losses.items() if name != 'acc_seg').mean()


def _judge(value: Tensor, gradient: Tensor | None, labels: Tensor, ignored: int | None) -> Taught:
    """Say what is wrong with a loss, from its value and the gradient of the logits (B, K, H, W)."""
    if not value.isfinite():
        return Taught(f'it is {value.item()}', FAILS)
    if gradient is None or not gradient.any():
        return Taught('its gradient is 0', 'nothing is learned')
    counted = torch.ones_like(labels, dtype=torch.bool) if ignored is None else labels != ignored
    learned = gradient.movedim(1, -1)  # (B, H, W, K)
    classes = [1] if gradient.shape[1] == 1 else range(gradient.shape[1])
    wrong = [
        one
        for one, channel in zip(classes, learned.unbind(-1), strict=True)
        if one != ignored and channel[counted & (labels == one)].mean() > channel[counted & (labels != one)].mean()
    ]
    from_ignored = bool((learned[~counted].abs() > 1e-6 * gradient.abs().max()).any())
    if not wrong:
        return Taught(None, ignored=from_ignored)
    if gradient.shape[1] == 1:
        return Taught('it learns the inverse', 'what is trained predicts the object where it is not', from_ignored)
    driven = f'it drives {", ".join(map(str, wrong[:3]))} of the classes away from their own pixels'
    return Taught(driven, 'what is trained does not predict what the masks say', from_ignored)
