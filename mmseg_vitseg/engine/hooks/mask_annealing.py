"""Masked attention that is given up block by block in the course of a training, so that evaluation does without."""

from collections.abc import Sequence

from mmengine.hooks import Hook
from torch import nn

from mmseg_vitseg.models.heads.eomt import EoMTHead
from mmseg_vitseg.registry import HOOKS

POWER = 0.9


def mask_probability(step: int, start: int, end: int) -> float:
    """Return the probability that a block's attention is masked at a step: 1 before start, 0 from end on.

    Between them (1 - (step - start) / (end - start)) ** 0.9 (EoMT, arXiv 2503.19108).
    """
    if step < start:
        return 1.0
    return 0.0 if step >= end else (1 - (step - start) / (end - start)) ** POWER


def phases(length: int, blocks: int) -> tuple[list[int], list[int]]:
    """Return the starts and ends of the blocks' phases, earliest block first, in a training of so many iterations.

    Of ``blocks + 2`` equal parts, the first is wholly masked and the last not at all; each of the others is a block's.
    """
    bounds = [length * part // (blocks + 2) for part in range(1, blocks + 2)]
    return bounds[:-1], bounds[1:]


@HOOKS.register_module()
class MaskAnnealingHook(Hook):
    """Before each training iteration, set with what probability each of an EoMT's blocks masks its attention.

    The probabilities are those of the iteration alone, so a resumed training has them too. They are logged as
    ``mask_prob_0`` ... .

    Args:
        starts, ends: iterations at which each block's phase begins and ends, earliest block first; by default
            :func:`phases` of the training's length.

    Raises:
        ValueError: one of the two without the other, phases of a length below 1, not one for each block, or a model without
            such blocks.
    """

    def __init__(self, *, starts: Sequence[int] | None = None, ends: Sequence[int] | None = None):
        if (starts is None) != (ends is None):
            raise ValueError('MaskAnnealingHook: starts and ends go together: give both, or neither')
        self.given = list(zip(starts or (), ends or (), strict=False))
        if len(starts or ()) != len(ends or ()) or any(not 0 <= start < end for start, end in self.given):
            raise ValueError(
                f'MaskAnnealingHook: starts={starts}, ends={ends}; allowed: as many of each, 0 <= start < end'
            )

    def before_train(self, runner) -> None:
        """Find the head, and its blocks' phases.

        Raises:
            ValueError: see the class.
        """
        self.head = head_of(runner.model)
        blocks = self.head.num_blocks
        self.spans = self.given or list(zip(*phases(runner.max_iters, blocks), strict=True))
        if len(self.spans) != blocks:
            raise ValueError(
                f'MaskAnnealingHook: {len(self.spans)} starts; the model has {blocks} blocks with queries: one for each'
            )

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Set this iteration's probabilities."""
        values = [mask_probability(runner.iter, *span) for span in self.spans]
        self.head.set_mask_probs(values)
        for index, value in enumerate(values):
            runner.message_hub.update_scalar(f'train/mask_prob_{index}', value)


def head_of(model: nn.Module) -> EoMTHead:
    """Return the head of an EoMT, in whatever wrappers of data parallelism or compiling the model is.

    Raises:
        ValueError: there is none.
    """
    heads = [module for module in model.modules() if isinstance(module, EoMTHead)]
    if not heads:
        raise ValueError('MaskAnnealingHook: the model is no mmseg_vitseg.EoMT; take the hook out')
    return heads[0]
