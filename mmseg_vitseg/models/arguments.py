"""Refusing, with the reason, arguments that a class does not take."""

import difflib
import inspect


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
            close = difflib.get_close_matches(name, known, n=1)
            hint = f'did you mean {close[0]!r}?' if close else f'allowed: {", ".join(known)}'
            raise TypeError(f'mmseg_vitseg.{cls.__name__} has no argument {name!r}; {hint}')
        if value != host_defaults[name]:
            raise ValueError(
                f"mmseg_vitseg.{cls.__name__} does not support the host's {name}={value!r} "
                f"(only {host_defaults[name]!r}); leave it out, or use the host's own type {cls.__name__!r}"
            )
