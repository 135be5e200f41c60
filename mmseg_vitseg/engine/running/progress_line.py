"""How far a training, a validation or a test is, on a terminal, between the lines of the log."""

import sys
import time
from collections.abc import Sequence

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmseg_vitseg.terminal import NEW_LINE, is_terminal

EVERY = 1.0  # seconds
NAMES = dict(train='training', val='validation', test='test')


class ProgressLineHook(Hook):
    """Writes ``validation 12 of 233`` where the next line of the log will be, which takes its place; nothing elsewhere."""

    priority = 'VERY_LOW'

    def __init__(self):
        self.shown = time.monotonic()

    def _after_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch=None,
        outputs: Sequence | dict | None = None,
        mode: str = 'train',
    ) -> None:
        """Say how far it is, once a second."""
        if is_main_process() and is_terminal(sys.stdout) and time.monotonic() - self.shown > EVERY:
            sys.stdout.write(f'{NEW_LINE}{NAMES[mode]} {batch_idx + 1} of {batches(runner, mode)}')
            sys.stdout.flush()
            self.shown = time.monotonic()

    def _after_epoch(self, runner: Runner, mode: str = 'train') -> None:
        """Take it away."""
        if is_main_process() and is_terminal(sys.stdout):
            sys.stdout.write(NEW_LINE)

    def after_train(self, runner: Runner) -> None:
        """Take it away."""
        self._after_epoch(runner)


def batches(runner: Runner, mode: str) -> int:
    """Return how many batches it takes: of an epoch, or of a training by iterations of all."""
    if mode == 'train':
        return len(runner.train_dataloader) if isinstance(runner.train_loop, EpochBasedTrainLoop) else runner.max_iters
    return len(runner.val_dataloader if mode == 'val' else runner.test_dataloader)
