"""The checkpoint that a training goes on from, and what is said before it does."""

import logging
from pathlib import Path

from mmengine.config import Config
from mmengine.logging import print_log

from mmseg_vitseg.checkpoints.fetch import local_file
from mmseg_vitseg.checkpoints.reading import read_checkpoint
from mmseg_vitseg.config.schedules import twice_as_long
from mmseg_vitseg.engine.resuming.newest import doubts, newest_first


def set_resume(cfg: Config, resume: str | None) -> None:
    """Resume from the newest checkpoint of the work dir (``'auto'``; from scratch where there is none) or from a file.

    Raises:
        FileNotFoundError, ValueError: the checkpoint is missing, damaged, or unsafe to read.
    """
    checkpoint = _newest(cfg.work_dir) if resume == 'auto' else resume and local_file(resume)
    if not checkpoint:
        return
    content = read_checkpoint(checkpoint)
    if not {'optimizer', 'meta', 'message_hub'} <= content.keys():
        raise ValueError(
            f'{checkpoint}: weights without the state of a training, so it cannot be resumed from; '
            f'start from them instead: --cfg-options load_from={checkpoint}'
        )
    if (cfg.get('optim_wrapper') or {}).get('accumulative_counts', 1) > 1:
        print_log(
            '--resume: gradients that were being accumulated at the checkpoint are lost, so losses can differ from an '
            'uninterrupted run.',
            logger='current',
            level=logging.WARNING,
        )
    iterations = (content['message_hub'].get('runtime_info') or {}).get('max_iters', 0)
    for name, unit in (('max_epochs', 'epoch'), ('max_iters', 'iter')):
        last = (cfg.get('train_cfg') or {}).get(name)
        if last and content['meta'].get(unit, 0) >= last:
            print_log(
                f'--resume: {checkpoint} is trained up to train_cfg.{name}={last}, so no step is left; '
                f'twice as long: --cfg-options {twice_as_long(cfg, name, iterations)}',
                logger='current',
            )
    cfg.resume, cfg.load_from = True, str(checkpoint)


def _newest(work_dir: str) -> Path | None:
    """Return the newest checkpoint of a work dir, None where there is none, and say what else it could have been."""
    found = newest_first(work_dir)
    if not found:
        print_log(f'--resume: no checkpoint in {work_dir} yet, training starts from scratch.', logger='current')
        return None
    if doubt := doubts(work_dir, found):
        print_log(f'--resume goes on from {found[0].path}: {doubt}; another: --resume FILE', logger='current')
    return found[0].path
