"""Random numbers that depend on where training is, not on how it got there."""

import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook

from mmseg_vitseg.registry import HOOKS


@HOOKS.register_module()
class SeedHook(Hook):
    """Seed Python's, numpy's and torch's generators at each epoch, and torch's at each iteration.

    The seed is made of the run's seed, the rank and the epoch or iteration, so a resumed training draws the same
    augmentations (with ``num_workers=0``) and the same dropout as one that was never interrupted, on any number of ranks,
    and a checkpoint needs no generator states.
    """

    priority = 'VERY_HIGH'  # before any hook that draws numbers

    def before_train_epoch(self, runner) -> None:
        """Seed all three generators; with workers, the loader seeds its own from torch's."""
        seed = _mix(runner.seed, get_rank(), runner.epoch)
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)

    def before_train_iter(self, runner, batch_idx: int, data_batch: dict | None = None) -> None:
        """Seed torch's generators: dropout and drop path."""
        torch.manual_seed(_mix(runner.seed, get_rank(), runner.iter + 2**31))


def _mix(*numbers: int) -> int:
    """Hash numbers to one 32-bit seed; neighbouring numbers give unrelated seeds."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
