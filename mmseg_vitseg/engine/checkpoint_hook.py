"""Checkpoint files that are whole or absent."""

import inspect
import os
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.registry import HOOKS

BACKEND = 'mmseg_vitseg.atomic'


@register_backend(BACKEND, force=True)
class AtomicLocalBackend(LocalBackend):
    """The host's local files, written under a temporary name beside the target and renamed when they are complete."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes; on any interruption the target is what it was before."""
        with whole(Path(filepath)) as temporary, open(temporary, 'wb') as file:
            file.write(obj)
            file.flush()
            os.fsync(file.fileno())


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """The host's CheckpointHook, whose files appear whole or not at all, whenever training is interrupted."""

    def __init__(self, *args, **kwargs):
        known = {**inspect.signature(CheckpointHook).parameters, **inspect.signature(Runner.save_checkpoint).parameters}
        if wrong := [name for name in kwargs if name not in known]:  # the host would say so after the first epoch
            raise ValueError(f'AtomicCheckpointHook has no argument {wrong[0]!r}; allowed: {", ".join(known)}')
        super().__init__(*args, **{'backend_args': dict(backend=BACKEND), **kwargs})
        self.done: dict[str, int] = {}

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        self.done = dict(epoch=step, iter=runner.iter) if self.by_epoch else dict(epoch=runner.epoch, iter=step)
        super()._save_checkpoint_with_step(runner, step, meta)
        self.done = {}

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note how many epochs and iterations are done; the host's FlexibleRunner is one ahead after a validation."""
        checkpoint['meta'].update(self.done)


def find_resumable(work_dir: str | Path) -> Path | None:
    """Return the newest checkpoint to resume from, or None where there is none."""
    return next((path for path, _, _ in numbered_checkpoints(work_dir)), None)


def numbered_checkpoints(work_dir: str | Path) -> list[tuple[Path, str, int]]:
    """Return the checkpoints of a training, newest first: file, ``epoch`` or ``iter``, and how many were done.

    Found by the files' times, not by the host's ``last_checkpoint``: a training killed between writing a checkpoint and
    noting its name, or between removing an old one and writing the next, leaves a note that is wrong.
    """
    found = [
        (path, unit, int(number))
        for unit in ('epoch', 'iter')
        for path in Path(work_dir).glob(f'{unit}_*.pth')
        if (number := path.stem.removeprefix(f'{unit}_')).isdigit()
    ]
    return sorted(found, key=lambda one: (one[0].stat().st_mtime_ns, one[0].name), reverse=True)
