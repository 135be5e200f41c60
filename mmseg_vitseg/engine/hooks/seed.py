"""Random numbers that depend on where training is, not on how it got there."""

import random
from collections.abc import Iterator

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop

from mmseg_vitseg.registry import HOOKS


@HOOKS.register_module()
class SeedHook(Hook):
    """Seed Python's, numpy's and torch's generators from the run's seed, the rank and the iteration.

    With ``num_workers=0``, a resumed training so draws the same augmentations and the same dropout as one that was never
    interrupted, on any number of ranks, and a checkpoint needs no generator states. An augmentation is repeated that draws
    from Python's or numpy's generator, as the host's do. Workers draw from generators of their own, which the host seeds
    once, when they start.
    """

    priority = 'VERY_HIGH'  # before any hook that draws numbers

    def before_train_epoch(self, runner) -> None:
        """Seed everything for the first batch that is loaded: of the epoch, or after resuming."""
        _seed_loading(runner, runner.iter)
        torch.manual_seed(_mix(runner.seed, get_rank(), runner.iter))
        loop = runner.train_loop
        if isinstance(loop, IterBasedTrainLoop):
            loop.dataloader_iterator = _SeededIterator(loop.dataloader_iterator, runner)

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Seed torch for this iteration's dropout, Python and numpy for loading the next batch, which comes after it."""
        torch.manual_seed(_mix(runner.seed, get_rank(), runner.iter))
        _seed_loading(runner, runner.iter + 1)


class _SeededIterator:
    """The host's iterator over batches, each loaded from the numbers of the iteration that it is for.

    When it resumes, OpenMMLab's loop first loads all batches that were trained on, which uses numbers up.
    """

    def __init__(self, iterator: Iterator[dict], runner):
        self._iterator, self._runner = iterator, runner

    def __iter__(self) -> Iterator[dict]:
        return self

    def __next__(self) -> dict:
        _seed_loading(self._runner, self._runner.iter)
        return next(self._iterator)

    def __getattr__(self, name: str):
        return getattr(self._iterator, name)


def _seed_loading(runner, iteration: int) -> None:
    seed = _mix(runner.seed, get_rank(), iteration)
    random.seed(seed)
    np.random.seed(seed)


def _mix(*numbers: int) -> int:
    """Hash numbers to one 32-bit seed; neighbouring numbers give unrelated seeds."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
