"""What the heads on several feature maps share."""

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
    listed = isinstance(in_channels, Sequence) and isinstance(in_index, Sequence)
    if not listed or len(in_channels) != len(in_index):
        raise ValueError(
            f'{head}: in_channels={in_channels} and in_index={in_index}; each is a list, one entry a level'
        )
