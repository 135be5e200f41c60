"""Checkpoint files that are whole or absent."""

import inspect
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.fileio import BaseStorageBackend, LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.logging import MessageHub
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner

from mmseg_vitseg.atomic import remove_stale, whole
from mmseg_vitseg.registry import HOOKS

BACKEND = 'mmseg_vitseg.atomic'
NOT_GIVEN = ('self', 'kwargs', 'filename', 'meta', 'file_client_args')  # the hook gives them; backend_args' old name

# among what the message hub holds, and so every checkpoint
SUPERSEDED = 'superseded_checkpoints'  # names of files to remove once this checkpoint is written
NAMED = ('best_ckpt', 'last_ckpt')  # beginnings of what the host calls files that it wrote
VALIDATED = 'last_validated_iter'  # not val...: the host would log it as a score


@register_backend(BACKEND, force=True)
class AtomicLocalBackend(LocalBackend):
    """The host's local files, written under a temporary name beside the target and renamed when they are complete."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes; on any interruption the target is what it was before."""
        with whole(Path(filepath), durable=True) as temporary:
            temporary.write_bytes(obj)


class _Removals(AtomicLocalBackend):
    """Local files, of which the ones to be removed are noted among what the next checkpoint holds."""

    def __init__(self, hub: MessageHub):
        self.hub = hub

    def remove(self, filepath: str | Path) -> None:
        """Note the file's name."""
        self.hub.update_info(SUPERSEDED, [*self.hub.get_info(SUPERSEDED, []), Path(filepath).name])


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """The host's CheckpointHook, whose files appear whole or not at all, whenever training is interrupted.

    The host removes an old checkpoint, or the best one, before it writes what takes its place; here it goes afterwards, at
    the latest when the training is resumed. A training that was interrupted between a checkpoint and the end of the
    validation that follows it makes up for that validation when it is resumed: the best checkpoint depends on it.
    """

    file_backend: BaseStorageBackend
    done: dict[str, int]  # epochs and iterations, while a checkpoint of them is written

    def __init__(self, *args, **kwargs):
        signatures = map(inspect.signature, (CheckpointHook, Runner.save_checkpoint))
        named = (name for signature in signatures for name in signature.parameters if name not in NOT_GIVEN)
        known = dict.fromkeys(named)
        if wrong := [name for name in kwargs if name not in known]:  # the host would say so after the first epoch
            raise ValueError(f'AtomicCheckpointHook has no argument {wrong[0]!r}; allowed: {", ".join(known)}')
        super().__init__(*args, **{'backend_args': dict(backend=BACKEND), **kwargs})
        self.done = {}

    def before_train(self, runner: Runner) -> None:
        """Go on from exactly where the checkpoint was written."""
        if runner._resume and runner._load_from:
            self._name_own_files(runner)
        super().before_train(runner)
        if isinstance(self.file_backend, AtomicLocalBackend):
            self.file_backend = _Removals(runner.message_hub)
            if is_main_process():
                remove_stale(Path(self.out_dir))
        self._remove_superseded(runner)
        if _is_validation_due(runner) and runner.message_hub.get_info(VALIDATED) != runner.iter:
            runner.logger.info('The checkpoint was written before its validation, so that comes first.')
            self.last_ckpt = runner.message_hub.get_info('last_ckpt')  # written again if it is the best
            runner.val_loop.run()

    def _name_own_files(self, runner: Runner) -> None:
        """Of the files that the checkpoint names, take those beside it: its folder may be a copy, or have been moved.

        Where it is resumed into another folder, they stay as they are: files of their names there are another training's.
        """
        hub, own = runner.message_hub, Path(runner.work_dir)
        if self.out_dir not in (None, runner.work_dir):  # the host makes a folder in it
            own = Path(self.out_dir, own.name)
        beside = Path(runner._load_from).resolve().parent == own.resolve()
        for key, path in list(hub.runtime_info.items()):
            if path and key.startswith(NAMED):
                hub.update_info(key, str(own / Path(path).name) if beside or key == 'last_ckpt' else None)
        if not beside:
            hub.update_info(SUPERSEDED, [])

    def after_val_epoch(self, runner: Runner, metrics: dict) -> None:
        """Save the best checkpoint; the last one, if it is written again, knows that it was validated."""
        runner.message_hub.update_info(VALIDATED, runner.iter)
        super().after_val_epoch(runner, metrics)
        self._remove_superseded(runner)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        self.done = dict(epoch=step, iter=runner.iter) if self.by_epoch else dict(epoch=runner.epoch, iter=step)
        super()._save_checkpoint_with_step(runner, step, meta)
        self.done = {}
        self._remove_superseded(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Note how many epochs and iterations are done; the host's FlexibleRunner is one ahead after a validation."""
        checkpoint['meta'].update(self.done)

    def _remove_superseded(self, runner: Runner) -> None:
        names = runner.message_hub.get_info(SUPERSEDED, [])
        runner.message_hub.update_info(SUPERSEDED, [])
        noted = runner.message_hub.runtime_info.items()
        in_use = {Path(path).name for key, path in noted if path and key.startswith(NAMED)}
        if is_main_process():
            for name in set(names) - in_use:  # a best checkpoint can have taken the place of one of its own name
                Path(self.out_dir, name).unlink(missing_ok=True)


def _is_validation_due(runner: Runner) -> bool:
    """Return whether the host's training loop would validate where it is: it asks itself only after a step."""
    loop = runner.train_loop
    if runner.val_loop is None or runner.iter == 0 or not isinstance(loop, (EpochBasedTrainLoop, IterBasedTrainLoop)):
        return False
    by_epoch = isinstance(loop, EpochBasedTrainLoop)
    done, end = (loop.epoch, loop.max_epochs) if by_epoch else (loop.iter, loop.max_iters)
    loop._decide_current_val_interval()
    return done >= loop.val_begin and (done % loop.val_interval == 0 or done == end)
