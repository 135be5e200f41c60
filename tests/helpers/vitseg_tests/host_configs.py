"""The host's published configs, made small as a user would who tries one: narrow, a few iterations, pictures of 96 x 64.

B0, fast networks and the like are small as published; of the others each width is divided by 16, while depths, levels and
kinds stay.
"""

from importlib import resources
from pathlib import Path

from mmengine.config import Config, ConfigDict

PUBLISHED = Path(str(resources.files('mmseg') / '.mim/configs'))
SIDE, STRIDE = 64, 42  # of crops and pictures, of sliding windows
ITERATIONS = 4
CHANGED = ('model', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'train_cfg', 'param_scheduler')
CHANGED += ('tta_pipeline', 'default_hooks')


def narrow(node, key: str = ''):
    """Divide every width of a model by 16, and make images 64 x 64; depth, levels and kinds stay."""
    if isinstance(node, dict):
        small = ConfigDict({name: narrow(value, name) for name, value in node.items()})
        kind = small.get('type')
        if kind in ('VisionTransformer', 'MAE', 'BEiT', 'SegmenterMaskTransformerHead'):
            small.num_heads = 2
        if kind == 'SETRMLAHead':
            small.channels = 4 * small.mla_channels
        if str(kind).startswith('ResN'):
            small.update(stem_channels=4, base_channels=4)
        return small
    if isinstance(node, (list, tuple)):
        return type(node)(narrow(value, key) for value in node)
    if key in ('img_size', 'num_groups'):
        return SIDE if key == 'img_size' else 1
    if key in ('crop_size', 'stride'):
        return SIDE if key == 'crop_size' else STRIDE
    return max(1, node // 16) if _is_width(key) and isinstance(node, int) and node > 3 else node


def _is_width(key: str) -> bool:
    return key.endswith('channels') or key in ('embed_dims', 'embed_dim')


def without_pretrained(node):
    """Take out what names a file of weights."""
    if isinstance(node, dict):
        for name in ('pretrained', 'init_cfg', 'checkpoint_path'):
            node.pop(name, None)
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else ():
        without_pretrained(child)


def quick(cfg: Config, *, narrowed: bool = True, side: int = SIDE) -> Config:
    """Make a config train in seconds on the CPU; its data sets are to be where ``host_data`` draws them.

    Args:
        cfg: as published. It is changed.
        narrowed: divide the model's widths.
        side: of crops, in pixels; pictures are half as wide again.
    """
    if narrowed:
        cfg.model = narrow(cfg.model)
    without_pretrained(cfg.model)
    for name in ('model', 'train_dataloader', 'val_dataloader', 'test_dataloader', 'tta_pipeline'):
        _fit_sizes(cfg.get(name), '', side)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if cfg.get(name):
            cfg[name].update(num_workers=0, persistent_workers=False)
    cfg.train_dataloader.batch_size = 2
    if cfg.model.get('data_preprocessor') and not cfg.model.data_preprocessor.get('size_divisor'):
        cfg.model.data_preprocessor.setdefault('size', (side, side))  # BiSeNetV2's with OHEM has none
    last = cfg.train_cfg.get('max_iters') or cfg.train_cfg.get('max_epochs')
    by_epoch = 'max_iters' not in cfg.train_cfg
    cfg.train_cfg.update({'max_epochs' if by_epoch else 'max_iters': ITERATIONS, 'val_interval': ITERATIONS // 2})
    for scheduler in cfg.get('param_scheduler') or ():
        for name in ('begin', 'end', 'eta_max', 'T_max'):
            if scheduler.get(name):
                scheduler[name] = ITERATIONS if scheduler[name] >= last / 2 else 1
        if scheduler.get('milestones'):
            scheduler.milestones = [ITERATIONS // 2]
    cfg.default_hooks.checkpoint.update(interval=ITERATIONS // 2, max_keep_ckpts=-1)
    return cfg


def _fit_sizes(node, key: str, side: int) -> None:
    """Put sizes of a few pixels in the place of the published ones, of crops, of pictures, and of sliding windows."""
    if isinstance(node, (list, tuple)):
        for child in node:
            _fit_sizes(child, key, side)
    if not isinstance(node, dict):
        return
    resizes = 'Resize' in str(node.get('type'))
    for name, value in list(node.items()):
        if name in ('crop_size', 'size') and value is not None:
            node[name] = (side, side) if isinstance(value, (tuple, list)) else side
        elif name == 'stride' and key == 'test_cfg':
            node[name] = (STRIDE, STRIDE)
        elif resizes and name == 'scale' and value is not None:
            node[name] = (side * 3 // 2, side)
        elif resizes and name == 'scales':
            node[name] = [side] * len(value)
        elif name == 'max_size':
            node[name] = 4 * side
        else:
            _fit_sizes(value, name, side)


def leaf(published: Path, cfg: Config) -> str:
    """Return a config's text: the published one is its base, what :func:`quick` changed is replaced."""
    lines = [f'_base_ = {str(published)!r}']
    for name in CHANGED:
        if name in cfg:
            value = cfg[name]
            if isinstance(value, dict):
                value = {'_delete_': True, **value}
            lines.append(Config({name: value}).pretty_text.strip())
    return '\n'.join(lines) + '\n'
