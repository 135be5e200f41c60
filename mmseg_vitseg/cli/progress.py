"""Where a command is, on a terminal: a line of text, or bars. It is on stderr, and gone where the command is cut off."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from mmseg_vitseg.cli.processes import is_first_process


@contextlib.contextmanager
def shown_progress(*, alone: bool = False) -> Iterator[Callable[[str], None]]:
    """Show where we are on a terminal; say nothing elsewhere.

    Args:
        alone: nothing else is written meanwhile, or what would write later is made: it then keeps stdout itself.
    """
    from rich.console import Console
    from rich.live import Live
    from rich.spinner import Spinner

    console, spinner = Console(stderr=True), Spinner('dots')
    if not (console.is_terminal and is_first_process()):
        yield lambda text: None
        return
    redirect = not alone
    with Live(
        spinner,
        console=console,
        refresh_per_second=12.5,
        transient=True,
        redirect_stdout=redirect and sys.stdout.isatty(),
        redirect_stderr=redirect,
    ):
        yield lambda text: spinner.update(text=text)


@contextlib.contextmanager
def shown_bars() -> Iterator:
    """Show a bar for each task of a ``rich.progress.Progress`` on a terminal, none elsewhere; ``track`` goes through items.

    What is printed meanwhile comes above the bars, and goes to stdout where that is no terminal.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    shown = console.is_terminal and is_first_process()
    with Progress(console=console, disable=not shown, redirect_stdout=sys.stdout.isatty()) as bars:
        try:
            yield bars
        except BaseException:
            bars.live.transient = True  # else it writes them once more, under what the terminal shows of Ctrl-C
            raise
