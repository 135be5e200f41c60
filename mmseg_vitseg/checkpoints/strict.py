"""Loading weights whole or not at all."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmengine.logging import print_log
from torch import Tensor, nn

from mmseg_vitseg.architectures import Resizable
from mmseg_vitseg.checkpoints.advice import advice_on_classes, advice_on_model
from mmseg_vitseg.checkpoints.fetch import local_file
from mmseg_vitseg.checkpoints.fitting import describe, fit_patches, fit_positions
from mmseg_vitseg.checkpoints.maps.timm import SEGMENTOR
from mmseg_vitseg.checkpoints.names import Source
from mmseg_vitseg.checkpoints.prefixes import unwrapped
from mmseg_vitseg.checkpoints.reading import read_checkpoint, state_dict_of
from mmseg_vitseg.checkpoints.sources import convert
from mmseg_vitseg.checkpoints.values import UnusableValuesError, not_finite, refuse_integers, refuse_not_finite

# What a backbone may lack and a pretrained file have: SETR takes no final norm, SETR-MLA no class token.
PRETRAINED_UNUSED = ('norm.weight', 'norm.bias', 'cls_token')

LISTED = 5  # keys named in an error before the rest is only counted


@dataclass(frozen=True)
class Fitted:
    """A file's weights under a module's names and in its sizes, as far as they can be.

    Args:
        state: the module's name -> tensor.
        left: the file's names that its source's map does not have.
        dropped: what the module does not use.
        added: what the file leaves out because it is zero.
        place: what stands before the backbone's names.
        described: what model the file is of.
        source: the format.
    """

    state: dict[str, Tensor]
    left: list[str]
    dropped: list[str]
    added: list[str]
    place: str
    described: str | None
    source: Source


def account(
    state_dict: dict[str, Tensor], module: nn.Module, path: str | Path, from_scratch: Sequence[str] = (), **options
) -> dict[str, Tensor]:
    """Account for every key of a state dict and every key of a module, or raise: see :func:`accounted`.

    Returns:
        exactly the module's keys.
    """
    return accounted(state_dict, module, path, from_scratch, **options).state


def accounted(
    state_dict: dict[str, Tensor],
    module: nn.Module,
    path: str | Path,
    from_scratch: Sequence[str] = (),
    *,
    source: str = 'auto',
    resize_patches: bool = False,
    adapt_channels: bool = False,
    pretrained: bool = False,
    prefix: str | None = None,
) -> Fitted:
    """Account for every key of a state dict and every key of a module, or raise.

    Args:
        state_dict: parameter name -> tensor, under the names of any source that checkpoints/ knows.
        module: what it is meant for, a segmentor or a backbone; nothing is loaded into it here. Position grids are resized
            to its own, and said so.
        path: named in the error.
        from_scratch: name prefixes of what keeps the module's own values where the state dict has none of that shape, or
            some that are no numbers.
        source: the format; ``auto`` tells it from the names.
        resize_patches: resize a ViT's patch kernel to the module's patch size.
        adapt_channels: change the first kernel to the module's number of input channels.
        pretrained: drop what the backbone does not have of ``PRETRAINED_UNUSED``, and whole models' other parts.
        prefix: what stands before the model's names, where several models are there; see
            :func:`~mmseg_vitseg.checkpoints.prefixes.unwrapped`.

    Returns:
        exactly the module's keys, and how they came about.

    Raises:
        ValueError: with the keys that are missing, left over, or of another shape, and what the two models are; a prefix
            that no key of the module has; quantised weights, NaN or infinity.
    """
    own = module.state_dict()
    fitted = fit(
        state_dict,
        module,
        path,
        source=source,
        resize_patches=resize_patches,
        adapt_channels=adapt_channels,
        pretrained=pretrained,
        prefix=prefix,
    )
    given = {name: fit_kernel(value, own.get(name)) for name, value in fitted.state.items()}
    learned = {name for name, _ in module.named_parameters()}
    _start_from_scratch(given, own, from_scratch, path, learned)
    left = [name for name in fitted.left if not name.startswith(tuple(from_scratch))]
    problems = [
        _listing('missing', (name for name in own if name not in given)),
        _listing('not in the model', [*left, *(name for name in given if name not in own)]),
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
            f'{path} does not fit this {type(module).__name__}, nothing was loaded: {"; ".join(problems)}. '
            + (
                advice_on_classes(given, own, module, left)
                or advice_on_model(fitted.state, fitted.place, fitted.described, own, module)
            )
        )
    check_values(given, module, path)
    return replace(fitted, state=given)


def check_values(given: dict[str, Tensor], module: nn.Module, path: str | Path) -> None:
    """Check that what a module is going to take are numbers.

    Raises:
        UnusableValuesError: integers where it has floats, or NaN or infinity in what it learns; where only heads have them,
            with how to leave them out.
    """
    names = not_finite(given, {name for name, _ in module.named_parameters()})
    advice = ''
    if hasattr(module, 'from_scratch') and all(name.startswith(SEGMENTOR) for name in names):
        advice = f', or leave them out and train them anew: model.from_scratch={_modules_of(names)}'
    try:
        refuse_integers(given, module.state_dict())
        refuse_not_finite(names, given, advice)
    except UnusableValuesError as error:
        raise UnusableValuesError(f'{path}: {error}') from error


def _start_from_scratch(
    given: dict[str, Tensor],
    own: dict[str, Tensor],
    prefixes: Sequence[str],
    source: str | Path,
    learned: Container[str],
) -> None:
    """Put the module's own values where ``given`` has nothing that fits and a prefix allows that; say where."""
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in own):
            raise ValueError(f'from_scratch={list(prefixes)}: the model has no key that starts with {prefix!r}')
    allowed = tuple(prefixes)
    for name in [name for name in given if name.startswith(allowed) and name not in own]:
        del given[name]
    spoilt = not_finite({name: value for name, value in given.items() if name.startswith(allowed)}, learned)
    scratch = {
        name: value
        for name, value in own.items()
        if name.startswith(allowed) and (name not in given or given[name].shape != value.shape or name in spoilt)
    }
    given.update(scratch)
    if scratch:
        print_log(f'{source} does not fill {", ".join(scratch)}: from scratch, as asked for', logger='current')


def fit(
    state_dict: dict[str, Tensor],
    module: nn.Module,
    path: str | Path,
    *,
    source: str = 'auto',
    resize_patches: bool = False,
    adapt_channels: bool = False,
    pretrained: bool = False,
    prefix: str | None = None,
) -> Fitted:
    """Put a state dict under a module's names, and say what was dropped, added and resized; see :func:`accounted`.

    Raises:
        ValueError: the source is not recognised, or several models are there.
    """
    own = module.state_dict()
    state_dict = unwrapped(state_dict, own, path, prefix)
    place = 'backbone.' if any(name.startswith('backbone.') for name in own) else ''
    try:
        converted = convert(state_dict, own, place, source)
    except ValueError as error:
        raise type(error)(f'{path}: {error}') from error
    may_lack = {place + name for name in (*converted.source.unused, *(PRETRAINED_UNUSED if pretrained else ()))}
    outside = SEGMENTOR if pretrained else ()
    unused = [name for name in converted.state if name not in own and (name in may_lack or name.startswith(outside))]
    dropped = converted.dropped + unused
    if dropped:
        print_log(f'{path}: dropped what the model does not use: {", ".join(dropped)}', logger='current')
    if converted.added:
        print_log(f'{path}: left out {", ".join(converted.added)}: zero here, which is the same.', logger='current')
    native = {name: value for name, value in converted.state.items() if name not in unused}
    described = describe(native, place)
    backbone = module.get_submodule(place.rstrip('.'))
    positions = f'{place}pos_embed'
    if isinstance(backbone, Resizable):
        if positions in own and positions in native and native[positions].ndim == 3:
            has_token = f'{place}cls_token' in converted.state
            native[positions] = fit_positions(native[positions], has_token, backbone, str(path))
        kernel = place + backbone.first_kernel
        if kernel in native and (resize_patches or adapt_channels):
            native[kernel] = fit_patches(
                native[kernel], own[kernel], backbone.first_kernel_size, resize=resize_patches, adapt=adapt_channels
            )
    return Fitted(native, converted.left, dropped, converted.added, place, described, converted.source)


def load_strict(module: nn.Module, state_dict: dict[str, Tensor], path: str | Path, **options) -> None:
    """Load a state dict whole or not at all; see :func:`accounted`."""
    module.load_state_dict(account(state_dict, module, path, **options))


def load_checkpoint(model: nn.Module, path: str | Path) -> dict:
    """Load a checkpoint of the whole model: a local file, a URL or hf://owner/name; see :func:`load_strict`.

    Returns:
        what it says of its training, mmengine's ``meta``; {} where it says nothing.
    """
    file = local_file(path)
    content = read_checkpoint(file)
    load_strict(model, state_dict_of(content, file), path)
    meta = content.get('meta')
    return meta if isinstance(meta, dict) else {}


def fit_kernel(tensor: Tensor, own: Tensor | None) -> Tensor:
    """Give a linear layer's weight the shape of the convolution's that ``own`` is, or the other way round."""
    if own is None or min(tensor.ndim, own.ndim) < 2 or tensor.flatten(1).shape != own.flatten(1).shape:
        return tensor
    return tensor.reshape(own.shape)


def _modules_of(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name.rpartition('.')[0] for name in names))


def _listing(what: str, names: Iterable[str]) -> str:
    names = list(names)
    if not names:
        return ''
    more = f' and {len(names) - LISTED} more' if len(names) > LISTED else ''
    return f'{len(names)} {what} ({", ".join(names[:LISTED])}{more})'
