"""Every key of a file and every key of a module accounted for, or nothing is loaded."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mmengine.logging import print_log
from torch import Tensor, nn

from mmseg_vitseg.checkpoints.advice import (
    advice_on_another_head,
    advice_on_classes,
    advice_on_linear_head,
    advice_on_model,
)
from mmseg_vitseg.checkpoints.fitting import Fitted, Options, fit_to
from mmseg_vitseg.checkpoints.maps.source import SEGMENTOR
from mmseg_vitseg.checkpoints.values import UnusableValuesError, not_finite, refuse_integers, refuse_not_finite
from mmseg_vitseg.checkpoints.which_model import query_blocks_of
from mmseg_vitseg.errors import listed


def account_for(
    module: nn.Module,
    weights: dict[str, Tensor],
    path: str | Path,
    from_scratch: Sequence[str] = (),
    options: Options = Options(),
) -> Fitted:
    """Account for every key of a state dict and every key of a module, or raise; nothing is loaded here.

    Args:
        module, weights, path, options: see :func:`~mmseg_vitseg.checkpoints.fitting.fit_to`.
        from_scratch: name prefixes of what keeps the module's own values where the state dict has none of that shape, or
            some that are no numbers.

    Returns:
        exactly the module's keys, and how they came about.

    Raises:
        ValueError: with the keys that are missing, left over, or of another shape, and what the two models are; a prefix
            that no key of the module has; quantised weights, NaN or infinity.
    """
    own = module.state_dict()
    _check_query_blocks(module, weights, path)
    fitted = fit_to(module, weights, path, options)
    allowed = _allowed(from_scratch, own)
    given = {name: value for name, value in fitted.weights.items() if name in own or not name.startswith(allowed)}
    scratch = _scratch(given, module, allowed)
    if scratch:
        print_log(f'{path} does not fill {", ".join(scratch)}: from scratch, as asked for', logger='current')
    given |= scratch
    left = [name for name in fitted.left if not name.startswith(allowed)]
    if problems := _problems(given, own, left):
        advice = (
            advice_on_classes(given, own, module, left)
            or advice_on_linear_head(given, own)
            or advice_on_another_head(given, own, module, left)
            or advice_on_model(fitted, own, module)
        )
        raise ValueError(f'{path} does not fit this {type(module).__name__}, nothing was loaded: {problems}. {advice}')
    check_values(module, given, path)
    return replace(fitted, weights=given, scratch=list(scratch))


def check_values(module: nn.Module, given: dict[str, Tensor], path: str | Path) -> None:
    """Check that what a module is going to take are numbers.

    Raises:
        UnusableValuesError: integers where it has floats, or NaN or infinity in what it learns; where only heads have them,
            with how to leave them out.
    """
    names = not_finite(given, _learned(module))
    advice = ''
    if hasattr(module, 'from_scratch') and all(name.startswith(SEGMENTOR) for name in names):
        modules = list(dict.fromkeys(name.rpartition('.')[0] for name in names))
        advice = f', or leave them out and train them anew: model.from_scratch={modules}'
    try:
        refuse_integers(given, module.state_dict())
        refuse_not_finite(names, given, advice)
    except UnusableValuesError as error:
        raise UnusableValuesError(f'{path}: {error}') from error


def _check_query_blocks(module: nn.Module, weights: Mapping[str, Tensor], path: str | Path) -> None:
    """Check that the queries of EoMT join before the block that they joined in training, which its weights do not show.

    Raises:
        ValueError: the file says how many blocks they pass, and the head says another number.
    """
    ours = getattr(getattr(module, 'decode_head', None), 'num_blocks', None)
    theirs = query_blocks_of(weights)
    if None not in (ours, theirs) and ours != theirs:
        raise ValueError(
            f'{path}: its queries pass the last {theirs} blocks, your config says the last {ours}: '
            f'model.decode_head.num_blocks={theirs}'
        )


def _allowed(prefixes: Sequence[str], own: Collection[str]) -> tuple[str, ...]:
    """Return the prefixes of what may start from scratch, each of which some key has."""
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in own):
            raise ValueError(f'from_scratch={list(prefixes)}: the model has no key that starts with {prefix!r}')
    return tuple(prefixes)


def _scratch(given: Mapping[str, Tensor], module: nn.Module, allowed: tuple[str, ...]) -> dict[str, Tensor]:
    """Return the module's own values where ``given`` has nothing that fits, or no numbers, and a prefix allows that."""
    spoilt = not_finite({name: value for name, value in given.items() if name.startswith(allowed)}, _learned(module))
    return {
        name: value
        for name, value in module.state_dict().items()
        if name.startswith(allowed) and (name not in given or given[name].shape != value.shape or name in spoilt)
    }


def _learned(module: nn.Module) -> set[str]:
    return {name for name, _ in module.named_parameters()}


def _problems(given: Mapping[str, Tensor], own: Mapping[str, Tensor], left: list[str]) -> str:
    """Say which keys do not go together; '' where all do."""
    problems = {
        'missing': [name for name in own if name not in given],
        'not in the model': [*left, *(name for name in given if name not in own)],
        'of another shape': [
            f'{name} {tuple(given[name].shape)}, the model has {tuple(value.shape)}'
            for name, value in own.items()
            if name in given and given[name].shape != value.shape
        ],
    }
    return '; '.join(f'{len(names)} {what} ({listed(names)})' for what, names in problems.items() if names)
