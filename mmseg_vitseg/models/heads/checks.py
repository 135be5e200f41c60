"""Checks that the heads share."""

from collections.abc import Sequence


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
