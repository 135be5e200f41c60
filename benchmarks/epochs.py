"""A config's training made of another length, for comparisons."""

from mmengine.config import Config


def train_for(cfg: Config, epochs: int) -> None:
    """Set the epochs of a training and the ends of its schedules; its pictures of progress are not compared."""
    cfg.train_cfg.max_epochs = epochs
    for scheduler in cfg.param_scheduler:
        if scheduler.get('by_epoch', True):
            scheduler.end = epochs
    cfg.default_hooks.pop('progress', None)
