"""Refusing, with the reason, arguments that a class cannot take."""

import inspect
from collections.abc import Sequence
from numbers import Integral, Real

from mmseg_vitseg.errors import meant


def refuse_arguments(cls: type, given: dict, host_defaults: dict) -> None:
    """Check arguments that ``cls`` does not name: each must be the host's, at the value that ``cls`` implements anyway.

    Args:
        cls: our class, named as the host's class of the same arguments.
        given: argument name -> value.
        host_defaults: the host's arguments that ``cls`` does not support -> the only value that can be accepted.

    Raises:
        ValueError: an argument of the host's at another value.
        TypeError: an argument that neither has.
    """
    for name, value in given.items():
        if name not in host_defaults:
            known = [name for name in inspect.signature(cls).parameters if name != 'host_arguments']
            close = meant(name, known)
            hint = f'did you mean {close!r}?' if close else f'allowed: {", ".join(known)}'
            raise TypeError(f'mmseg_vitseg.{cls.__name__} has no argument {name!r}; {hint}')
        if value != host_defaults[name]:
            raise ValueError(
                f"mmseg_vitseg.{cls.__name__} does not support the host's {name}={value!r} "
                f"(only {host_defaults[name]!r}); leave it out, or use the host's own type {cls.__name__!r}"
            )


def check_sizes(owner: str, **sizes: int | Sequence[int]) -> None:
    """Check that sizes are whole numbers from 1 up, each by itself or one a level.

    Args:
        owner: the class's name, for the error.
        sizes: argument name -> value.

    Raises:
        ValueError: one is not.
    """
    for name, value in sizes.items():
        parts = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        if not all(isinstance(part, Integral) and part >= 1 for part in parts):
            raise ValueError(f'{owner}: {name}={value!r}; at least 1 is needed, a whole number')


def check_rates(owner: str, **rates: float) -> None:
    """Check that rates of dropout are from 0 to 1; see :func:`check_sizes`."""
    for name, value in rates.items():
        if not isinstance(value, Real) or not 0 <= value <= 1:
            raise ValueError(f'{owner}: {name}={value!r}; allowed: 0 to 1')


def check_choices(owner: str, allowed: Sequence, **values) -> None:
    """Check that arguments are each one of the values that are allowed; see :func:`check_sizes`."""
    for name, value in values.items():
        if value not in allowed:
            raise ValueError(f'{owner}: {name}={value!r}; allowed: {", ".join(map(repr, allowed))}')


def check_levels(head: str, base_arguments: dict) -> None:
    """Check that ``in_channels`` and ``in_index`` have one entry a level.

    Args:
        head: its class's name, for the error.
        base_arguments: the host's BaseDecodeHead's.

    Raises:
        ValueError: they have not.
    """
    in_channels, in_index = base_arguments.get('in_channels'), base_arguments.get('in_index', -1)
    paired = isinstance(in_channels, Sequence) and isinstance(in_index, Sequence) and len(in_channels) == len(in_index)
    if not paired:
        raise ValueError(
            f'{head}: in_channels={in_channels} and in_index={in_index}; each is a list, one entry a level'
        )


def check_scale(head: str, up_scale: float) -> float:
    """Return the upsampling's scale as a number; from a command line it may be text.

    Raises:
        ValueError: it is not above 0.
    """
    try:
        scale = float(up_scale)
    except (TypeError, ValueError):
        scale = 0.0
    if not scale > 0:
        raise ValueError(f'{head}: up_scale={up_scale!r}; a number above 0 is needed')
    return int(scale) if scale.is_integer() else scale
