"""The doors by which weights come into a module, whole or not at all: state dicts, whole models' files, pretrained ones."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from mmseg_vitseg.checkpoints.accounting import account_for
from mmseg_vitseg.checkpoints.fetch import local_file
from mmseg_vitseg.checkpoints.fitting import Options
from mmseg_vitseg.checkpoints.prefixes import unwrapped
from mmseg_vitseg.checkpoints.reading import read_checkpoint, read_state_dict, state_dict_of
from mmseg_vitseg.checkpoints.sources import to_our_names
from mmseg_vitseg.errors import listed


def load_weights(module: nn.Module, weights: dict[str, Tensor], path: str | Path, options: Options = Options()) -> None:
    """Load a state dict whole or not at all; see :func:`~mmseg_vitseg.checkpoints.accounting.account_for`."""
    module.load_state_dict(account_for(module, weights, path, options=options).weights)


def replace_given(state_dict: dict[str, Tensor], prefix: str, converted: Callable[[dict[str, Tensor]], dict]) -> None:
    """Put other weights in the place of what a state dict that is being loaded has for a module; a pre-hook's work.

    Args:
        state_dict: of the whole model; it is changed.
        prefix: what stands before the module's names.
        converted: returns what is to be loaded, of what is given, both under the module's own names.
    """
    given = {name.removeprefix(prefix): value for name, value in state_dict.items() if name.startswith(prefix)}
    own = converted(given)
    for name in given:
        del state_dict[prefix + name]
    state_dict.update({prefix + name: value for name, value in own.items()})


def load_whole_model(model: nn.Module, path: str | Path) -> dict:
    """Load a checkpoint of the whole model: a local file, a URL or hf://owner/name.

    Returns:
        what it says of its training, see :func:`read_whole_model`.

    Raises:
        FileNotFoundError, ConnectionError, ValueError: it is missing, damaged, or not exactly the model's.
    """
    weights, meta = read_whole_model(path)
    load_weights(model, weights, path)
    return meta


def read_whole_model(path: str | Path) -> tuple[dict[str, Tensor], dict]:
    """Read a checkpoint of a whole model: a local file, a URL or hf://owner/name.

    Returns:
        its weights, and what it says of its training, mmengine's ``meta``; {} where it says nothing.

    Raises:
        FileNotFoundError, ConnectionError, ValueError: it is missing or damaged.
    """
    file = local_file(path)
    content = read_checkpoint(file)
    meta = content.get('meta')
    return state_dict_of(content, file), meta if isinstance(meta, dict) else {}


def load_pretrained_backbone(
    backbone: nn.Module, path: str | Path, *, container: str | None = None, **options: Any
) -> None:
    """Load a backbone from a file of any source, or from a whole model's.

    What the backbone does not have is dropped, and said so: the classifier that pretraining left in the file, a final norm,
    a class token with its position. A position grid of another size is resized to the backbone's, and said so.

    Args:
        backbone: what is filled.
        path: a local file, a URL or hf://owner/name.
        container: see :func:`~mmseg_vitseg.checkpoints.containers.weights_of`.
        options: of :class:`~mmseg_vitseg.checkpoints.fitting.Options`.

    Raises:
        FileNotFoundError: with where to get the file, and how to start from scratch on purpose.
        ValueError: anything else than exactly the backbone's weights.
    """
    weights = read_state_dict(_pretrained_file(path, 'backbone'), container=container)
    load_weights(backbone, weights, path, Options(pretrained=True, **options))


def load_pretrained_head(head: nn.Module, path: str | Path, **options: Any) -> None:
    """Load a head, or a neck, whole or not at all; see :func:`pretrained_head`."""
    head.load_state_dict(pretrained_head(head, path, **options))


def pretrained_head(
    head: nn.Module,
    path: str | Path,
    *,
    source: str = 'auto',
    prefix: str = 'decode_head.',
    container: str | None = None,
) -> dict[str, Tensor]:
    """Read a head, or a neck, from a whole model's file of any source, or from one that has heads alone.

    Such are the linear heads that DINOv2's authors release: ``decode_head.bn.*`` and ``decode_head.conv_seg.*``.

    Args:
        head: what the weights are for; nothing is loaded.
        path: a local file, a URL or hf://owner/name.
        source: see :class:`~mmseg_vitseg.checkpoints.fitting.Options`.
        prefix: its name in the whole model: ``decode_head.``, ``auxiliary_head.0.``; '' where names are the head's.
        container: see :func:`~mmseg_vitseg.checkpoints.containers.weights_of`.

    Returns:
        exactly the head's weights.

    Raises:
        FileNotFoundError: as :func:`load_pretrained_backbone`.
        ValueError: anything else than exactly the head's weights.
    """
    prefix = prefix and prefix.rstrip('.') + '.'
    wanted = {prefix + name: value for name, value in head.state_dict().items()}
    weights = read_state_dict(_pretrained_file(path, prefix.rstrip('.') or 'decode_head'), container=container)
    try:
        native = to_our_names(unwrapped(weights, wanted, path), wanted, source=source).weights
    except ValueError as error:
        raise type(error)(f'{path}: {error}') from error
    part = {name.removeprefix(prefix): value for name, value in native.items() if name.startswith(prefix)}
    if not part:
        there = listed(dict.fromkeys(name.split('.')[0] + '.' for name in native))
        raise ValueError(f'{path}: no name begins with {prefix}; under our names, they begin with {there}')
    return account_for(head, part, f'{path} ({prefix}*)', options=Options(source='ours')).weights


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
            f'pretrained weights {str(path)!r} not found. Put the file there or name it with PRETRAINED=/path/to/file '
            '(docs/weights_and_data.md has addresses); '
            f'to train from scratch on purpose: --cfg-options model.{part}.init_cfg=None'
        ) from error
