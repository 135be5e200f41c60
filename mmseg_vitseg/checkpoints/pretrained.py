"""What ``init_cfg=dict(type='Pretrained', checkpoint=...)`` does for a backbone and for a head."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from mmseg_vitseg.checkpoints.fetch import local_file
from mmseg_vitseg.checkpoints.prefixes import unwrapped
from mmseg_vitseg.checkpoints.reading import read_state_dict
from mmseg_vitseg.checkpoints.sources import convert
from mmseg_vitseg.checkpoints.strict import load_strict


def load_pretrained(
    backbone: nn.Module,
    path: str | Path,
    *,
    source: str = 'auto',
    resize_patches: bool = False,
    adapt_channels: bool = False,
    container: str | None = None,
    prefix: str | None = None,
) -> None:
    """Load a backbone from a file of any source, or from a whole model's.

    What the backbone does not have is dropped, and said so: the classifier that pretraining left in the file, a final norm,
    a class token with its position. A position grid of another size is resized to the backbone's, and said so.

    Args:
        backbone: what is filled.
        path: a local file, a URL or hf://owner/name.
        source, resize_patches, adapt_channels, prefix: see :func:`~mmseg_vitseg.checkpoints.strict.accounted`.
        container: see :func:`~mmseg_vitseg.checkpoints.containers.weights_of`.

    Raises:
        FileNotFoundError: with where to get the file, and how to start from scratch on purpose.
        ValueError: anything else than exactly the backbone's weights.
    """
    load_strict(
        backbone,
        read_state_dict(_pretrained_file(path, 'backbone'), container=container),
        path,
        source=source,
        resize_patches=resize_patches,
        adapt_channels=adapt_channels,
        pretrained=True,
        prefix=prefix,
    )


def load_part(
    head: nn.Module,
    path: str | Path,
    *,
    source: str = 'auto',
    prefix: str = 'decode_head.',
    container: str | None = None,
) -> None:
    """Load a head, or a neck, from a whole model's file of any source.

    Args:
        head: what is filled.
        path: a local file, a URL or hf://owner/name.
        source: see :func:`~mmseg_vitseg.checkpoints.strict.accounted`.
        prefix: its name in the whole model, with a dot: ``decode_head.``, ``auxiliary_head.0.``.
        container: see :func:`~mmseg_vitseg.checkpoints.containers.weights_of`.

    Raises:
        FileNotFoundError, ValueError: as :func:`load_pretrained`.
    """
    wanted = {prefix + name: value for name, value in head.state_dict().items()}
    state_dict = read_state_dict(_pretrained_file(path, prefix.rstrip('.')), container=container)
    state_dict = unwrapped(state_dict, wanted, path)
    native = convert(state_dict, wanted, name=source).state
    part = {name.removeprefix(prefix): value for name, value in native.items() if name.startswith(prefix)}
    load_strict(head, part, f'{path} ({prefix}*)', source='ours')


def pretrained_options(owner: nn.Module, allowed: Sequence[str]) -> dict | None:
    """Return what ``init_cfg=dict(type='Pretrained', checkpoint=..., ...)`` says, as arguments; None for another init_cfg.

    Args:
        owner: has ``init_cfg``.
        allowed: what it may say beside ``type`` and ``checkpoint``.

    Raises:
        ValueError: no checkpoint is named, or an option is not known.
    """
    init_cfg = owner.init_cfg
    if not isinstance(init_cfg, dict) or init_cfg.get('type') != 'Pretrained':
        return None
    name = type(owner).__name__
    if not init_cfg.get('checkpoint'):
        raise ValueError(f"{name}: init_cfg=dict(type='Pretrained') names no checkpoint")
    options = {key: value for key, value in init_cfg.items() if key not in ('type', 'checkpoint')}
    for key, value in options.items():
        if key not in allowed:
            raise ValueError(f'{name}: init_cfg has {key}={value!r}; allowed: checkpoint, {", ".join(allowed)}')
    return {'path': init_cfg['checkpoint'], **options}


def _pretrained_file(path: str | Path, part: str) -> Path:
    try:
        return local_file(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'pretrained weights {str(path)!r} not found. Put the file there or name it with PRETRAINED=/path/to/file; '
            f'to train from scratch on purpose: --cfg-options model.{part}.init_cfg=None'
        ) from error
