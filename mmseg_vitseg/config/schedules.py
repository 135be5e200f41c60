"""What a config says of the schedules of a training."""

from collections.abc import Iterator

from mmengine.config import Config

from mmseg_vitseg.config.parts import Part, dicts


def schedulers_of(cfg: Config) -> Iterator[Part]:
    """Yield the schedulers of a config, which may be one, a list, or of several optimizers by name."""
    node = cfg.get('param_scheduler')
    several = isinstance(node, dict) and 'type' not in node
    for name, one in node.items() if several else [('', node)]:
        yield from dicts(one, f'param_scheduler.{name}'.rstrip('.'))


def twice_as_long(cfg: Config, name: str, iterations: int) -> str:
    """Return the options by which a training, with the schedules that end with it, is twice as long.

    Args:
        name: ``max_epochs`` or ``max_iters``.
        iterations: how many it has now.
    """
    length = cfg.train_cfg[name]
    options = [f'train_cfg.{name}={2 * length}']
    for key, node in schedulers_of(cfg):
        last = length if node.get('by_epoch', True) == (name == 'max_epochs') else iterations
        begin = node.get('begin', 0)
        for setting, start in (('end', 0), ('T_max', begin), ('total_steps', 0)):
            if node.get(setting) == last - start:
                options.append(f'{key}.{setting}={2 * last - start}')
    return ' '.join(options)
