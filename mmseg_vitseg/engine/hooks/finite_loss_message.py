"""What FiniteLossHook says: where a loss is NaN or infinite, of which files, and how to go on."""

from pathlib import Path

from mmengine.config import Config
from mmengine.dist import all_gather_object
from mmengine.runner import EpochBasedTrainLoop
from torch import nn

from mmseg_vitseg.engine.resuming.newest import newest_first
from mmseg_vitseg.models.losses.label_errors import check_masks, ignored_by_losses, takes_labels


def describe_step(runner, wrong: dict[str, float], batch) -> str:
    """Say where a training is, what is wrong and with which files, of all ranks; every rank must call this."""
    found = all_gather_object((wrong, picture_files(batch), describe_labels(runner.model, batch)))
    parts = [
        f'{"rank " + str(rank) + ": " if len(found) > 1 else ""}'
        f'{", ".join(f"{name} = {value}" for name, value in losses.items())} on {", ".join(files)}'
        f'{": " + labels if labels else ""}'
        for rank, (losses, files, labels) in enumerate(found)
        if losses
    ]
    epoch = f' (epoch {runner.epoch + 1})' if isinstance(runner.train_loop, EpochBasedTrainLoop) else ''
    return f'iteration {runner.iter + 1}{epoch}: {"; ".join(parts)}'


def picture_files(batch) -> list[str]:
    """Return the files' names of a batch from the host's data loader."""
    samples = batch.get('data_samples', []) if isinstance(batch, dict) else []
    return [str(sample.metainfo.get('img_path', 'a picture without a file')) for sample in samples]


def describe_labels(model: nn.Module, batch) -> str:
    """Say which mask of a batch has labels that a head has no class for, and which; '' where none has.

    On CUDA such labels make the loss NaN, so that no step waits to look for them; elsewhere they are an error at once.
    """
    samples = batch.get('data_samples', []) if isinstance(batch, dict) else []
    for head in filter(takes_labels, model.modules()):
        try:
            check_masks(head, samples, *ignored_by_losses(head))
        except ValueError as error:
            return str(error)
    return ''


def how_to_go_on(runner, last_finite: int, skip: int) -> str:
    """Say where to go on from, and how.

    Args:
        last_finite: the iteration of the last finite loss.
        skip: how many batches in a row the hook leaves out.
    """
    good, unproven = last_checkpoints(runner, last_finite)
    found = f'last good checkpoint: {good}' if good else 'no checkpoint is known to be good'
    if unproven:
        found += f' ({unproven} holds the weights that gave this loss)'
    resume = f'--resume {unproven or good} ' if unproven or good else ''
    start = f'load_from={good} ' if good else ''  # not --resume, which takes the learning rate from the checkpoint
    rate, setting = max(runner.optim_wrapper.get_lr()['lr']), learning_rate(runner.cfg)
    here = f'{rate:.3g}' if setting in (None, rate) else f'{rate:.3g} of {setting:.3g}'
    return (
        f'{found}; if the files are at fault, mend them or leave such batches out: {resume}'
        f'{setting_of_hook(runner.cfg, skip + 10)}; if not, lower the learning rate, here {here}: '
        f'--cfg-options {start}optim_wrapper.optimizer.lr=...'
    )


def setting_of_hook(cfg: Config, skip: int) -> str:
    """Say how to have a config's FiniteLossHook leave batches out."""
    for name, hook in (cfg.get('default_hooks') or {}).items():
        if isinstance(hook, dict) and 'FiniteLossHook' in str(hook.get('type')):
            return f'--cfg-options default_hooks.{name}.skip={skip}'
    return f'with skip={skip} in the FiniteLossHook of custom_hooks'


def learning_rate(cfg: Config) -> float | None:
    """Return the learning rate that a config says; the schedule may be at another."""
    return ((cfg.get('optim_wrapper') or {}).get('optimizer') or {}).get('lr')


def last_checkpoints(runner, last_finite: int) -> tuple[Path | None, Path | None]:
    """Return a training's newest checkpoint whose weights, or later ones, gave a finite loss, and one written since.

    Args:
        last_finite: the iteration of the last finite loss.
    """
    done = [one for one in newest_first(runner.work_dir) if one.runs]  # of others nothing can be read
    good = (one.path for one in done if one.iterations <= last_finite)
    since = (one.path for one in done if last_finite < one.iterations <= runner.iter)
    return next(good, None), next(since, None)
