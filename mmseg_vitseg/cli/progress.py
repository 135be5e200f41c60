"""Where a command is, on a terminal."""

import contextlib
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def shown_progress() -> Iterator[Callable[[str], None]]:
    """Show where we are on a terminal; say nothing elsewhere."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda text: None
        return
    with console.status('') as status:
        yield status.update
