"""From a config to features on a disk, and a config that trains on them."""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

from mmengine.config import Config

from mmseg_vitseg.caching.computing import Track, compute, prepare_folder
from mmseg_vitseg.caching.config import write_config
from mmseg_vitseg.caching.model import starting_model
from mmseg_vitseg.caching.planning import check_space, plan
from mmseg_vitseg.engine.hooks.cached_features import weights_digest
from mmseg_vitseg.engine.running.lock import locked
from mmseg_vitseg.inference.model import usable_device


def cache_features(
    cfg: Config,
    out: Path,
    *,
    base: Path | None,
    command: str,
    dtype: str = 'float32',
    leave_out: Sequence[str] = (),
    device: str | None = None,
    overwrite: bool = False,
    track: Track = lambda batches, name, count: batches,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Compute the features of a config's training and validation data, or what is missing of them.

    Args:
        cfg: with a frozen backbone and pipelines of fixed steps; it is changed.
        out: the folder for features.
        base: the config's file, for the new config; None: it is written anew, as it is.
        command: which does this, to be named where features no longer fit.
        dtype: of the features on the disk, ``float32`` or ``float16``.
        leave_out: types of random steps to take out of the training pipeline.
        device: where the model runs; the GPU where there is one.
        overwrite: compute anew what is there.
        track: is given the batches, a name and their number, and shows how far they are.
        say: is given lines on what is done.

    Returns:
        the path of the new config.

    Raises:
        FileNotFoundError, ValueError, OSError: something cannot be cached, read or written; or another process writes there.
    """
    if not cfg.get('train_dataloader'):
        raise ValueError(f'{cfg.filename}: has no train_dataloader, so nothing to compute features of')
    as_read = copy.deepcopy(cfg)
    out.mkdir(parents=True, exist_ok=True)
    with locked(out, 'computation of features', '--out'):
        model = starting_model(cfg, usable_device(device))
        names = ['train', *(['val'] if _validates_on_features(cfg, say) else [])]
        weights = weights_digest(model.backbone)
        jobs = [
            plan(
                cfg,
                model,
                name,
                out,
                dtype=dtype,
                leave_out=leave_out if name == 'train' else (),
                weights=weights,
                command=command,
            )
            for name in names
        ]
        say(check_space(jobs, out))
        for job in jobs:
            prepare_folder(job, overwrite)
        for job in jobs:
            if done := compute(job, model, track):
                say(f'{job.name}: {done} of {len(job.pictures)} were there already')
        return write_config(as_read, base, out, names=names, leave_out=leave_out, command=command)


def _validates_on_features(cfg: Config, say: Callable[[str], None]) -> bool:
    """Tell whether validation can take whole pictures' features; where it cannot, say so."""
    if not cfg.get('val_dataloader'):
        return False
    if (cfg.model.get('test_cfg') or {}).get('mode') == 'slide':
        say('val: sliding windows (model.test_cfg.mode) look at parts of pictures; it goes on with the backbone')
        return False
    return True
