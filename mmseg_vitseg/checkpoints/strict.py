"""Loading weights whole or not at all."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmseg_vitseg.checkpoints.hf import from_hf
from mmseg_vitseg.checkpoints.host import from_host
from mmseg_vitseg.checkpoints.reading import read_state_dict
from mmseg_vitseg.ops.position import resize_position_grid

# What ViT checkpoints hold besides the backbone: classification heads, what masked pre-training added.
CLASSIFIER_PREFIXES = ('head.', 'head_dist.', 'fc_norm.', 'pre_logits.', 'mask_token')

LISTED = 5  # keys named in an error before the rest is only counted


def account(
    state_dict: dict[str, Tensor], module: nn.Module, source: str | Path, from_scratch: Sequence[str] = ()
) -> dict[str, Tensor]:
    """Account for every key of a state dict and every key of a module, or raise.

    Args:
        state_dict: parameter name -> tensor, under our names or the host's. A convolution kernel may stand where ``module``
            has a linear layer's weight of the same numbers.
        module: what it is meant for; nothing is loaded into it here.
        source: named in the error.
        from_scratch: name prefixes of what keeps the module's own values where the state dict has none of that shape.

    Returns:
        exactly the module's keys.

    Raises:
        ValueError: with the keys that are missing, left over, or of another shape; a prefix that no key of the module has.
    """
    own = module.state_dict()
    native = from_host(from_hf(state_dict), own)
    given = {name: fit_kernel(value, own.get(name)) for name, value in native.items()}
    _start_from_scratch(given, own, from_scratch, source)
    problems = [
        _listing('missing', (name for name in own if name not in given)),
        _listing('not in the model', (name for name in given if name not in own)),
        _listing(
            'of another shape',
            (
                f'{name} {tuple(given[name].shape)}, the model has {tuple(value.shape)}'
                for name, value in own.items()
                if name in given and given[name].shape != value.shape
            ),
        ),
    ]
    problems = [problem for problem in problems if problem]
    if problems:
        raise ValueError(
            f'{source} does not fit this {type(module).__name__}, nothing was loaded: {"; ".join(problems)}. '
            'Use the config that the checkpoint was trained with'
        )
    return given


def _start_from_scratch(
    given: dict[str, Tensor], own: dict[str, Tensor], prefixes: Sequence[str], source: str | Path
) -> None:
    """Put the module's own values where ``given`` has nothing that fits and a prefix allows that; say where."""
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in own):
            raise ValueError(f'from_scratch={list(prefixes)}: the model has no key that starts with {prefix!r}')
    allowed = tuple(prefixes)
    for name in [name for name in given if name.startswith(allowed) and name not in own]:
        del given[name]
    scratch = {
        name: value
        for name, value in own.items()
        if name.startswith(allowed) and (name not in given or given[name].shape != value.shape)
    }
    given.update(scratch)
    if scratch:
        print_log(f'{source} does not fill {", ".join(scratch)}: from scratch, as asked for', logger='current')


def load_strict(module: nn.Module, state_dict: dict[str, Tensor], source: str | Path) -> None:
    """Load a state dict whole or not at all; see :func:`account`."""
    module.load_state_dict(account(state_dict, module, source))


def load_checkpoint(model: nn.Module, path: str | Path) -> None:
    """Load a checkpoint of the whole model from a local file; see :func:`load_strict`."""
    load_strict(model, read_state_dict(path), path)


def load_pretrained(backbone: nn.Module, path: str | Path) -> None:
    """Load a backbone from a local file under timm's, HF's or the host's names, or from a whole model's checkpoint of ours.

    What the backbone does not have is dropped, and said so: the classifier that pretraining left in the file, a final norm,
    a class token with its position. A position grid of another size is resized to the backbone's, and said so.

    Raises:
        FileNotFoundError: with where to get the file, and how to start from scratch on purpose.
        ValueError: anything else than exactly the backbone's weights.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'pretrained weights {str(path)!r} not found. Put the file there or name it with PRETRAINED=/path/to/file; '
            'to train from scratch on purpose: --cfg-options model.backbone.init_cfg=None'
        )
    state_dict = from_hf(read_state_dict(path))
    if any(name.startswith('backbone.') for name in state_dict):
        state_dict = {
            name.removeprefix('backbone.'): value for name, value in state_dict.items() if name.startswith('backbone.')
        }
    unused = [name for name in ('norm.weight', 'norm.bias', 'cls_token') if name not in backbone.state_dict()]
    dropped = [name for name in state_dict if name.startswith(CLASSIFIER_PREFIXES) or name in unused]
    kept = {name: value for name, value in state_dict.items() if name not in dropped}
    if dropped:
        print_log(f'{path}: dropped what a backbone does not have: {", ".join(dropped)}', logger='current')
    if 'cls_token' in dropped and 'pos_embed' in kept:
        kept['pos_embed'] = _patch_positions(kept['pos_embed'])
    if 'pos_embed' in kept:
        kept['pos_embed'] = _fit_positions(backbone, kept['pos_embed'], path)
    load_strict(backbone, kept, path)


def _patch_positions(positions: Tensor) -> Tensor:
    """Drop the class token's entry of (1, 1 + side side, D), if there is one."""
    return positions if math.isqrt(positions.shape[1]) ** 2 == positions.shape[1] else positions[:, 1:]


def _fit_positions(backbone: nn.Module, positions: Tensor, path: str | Path) -> Tensor:
    """Resize a square grid of position embeddings (1, T + side side, D) to the backbone's grid.

    timm's models with registers (``no_embed_class``) have none for the class token, which amounts to zero.
    """
    tokens = backbone.pos_embed.shape[1] - backbone.grid[0] * backbone.grid[1]
    if tokens == 1 and _patch_positions(positions) is positions:
        positions = torch.cat([torch.zeros_like(positions[:, :1]), positions], dim=1)
        print_log(f'{path}: no position embedding for the class token: zero here, which is the same.', logger='current')
    side = round((positions.shape[1] - tokens) ** 0.5)
    if positions.shape == backbone.pos_embed.shape or side**2 != positions.shape[1] - tokens:
        return positions
    height, width = backbone.grid
    print_log(f'{path}: position embeddings resized from {side}x{side} to {height}x{width}', logger='current')
    return resize_position_grid(
        positions, (side, side), backbone.grid, mode=backbone.interpolate_mode, antialias=backbone.antialias
    )


def fit_kernel(tensor: Tensor, own: Tensor | None) -> Tensor:
    """Give a linear layer's weight the shape of the convolution's that ``own`` is, or the other way round."""
    same = own is not None and tensor.ndim > 1 and tensor.flatten(1).shape == own.flatten(1).shape
    return tensor.reshape(own.shape) if same else tensor


def _listing(what: str, names: Iterable[str]) -> str:
    names = list(names)
    if not names:
        return ''
    more = f' and {len(names) - LISTED} more' if len(names) > LISTED else ''
    return f'{len(names)} {what} ({", ".join(names[:LISTED])}{more})'
