"""What messages about errors share."""

import difflib
from collections.abc import Iterable

# What to do where torch.compile finds no compiler of C++, or triton none of C.
_COMPILER = (
    'torch.compile needs a compiler: install g++ and gcc, or name yours in CXX and CC; without one leave compile out'
)
NO_COMPILER = {'No working C++ compiler found': _COMPILER, 'Failed to find C compiler': _COMPILER}


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or its type's name where it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def whole_message(error: BaseException) -> str:
    """Return an error's message, all its lines in one, or its type's name where it has none."""
    return ' '.join(str(error).split()) or type(error).__name__


def listed(names: Iterable[str], most: int = 5, between: str = ', ') -> str:
    """Write the first few of several names, and how many more there are."""
    names = list(names)
    more = f' and {len(names) - most} more' if len(names) > most else ''
    return between.join(name or "''" for name in names[:most]) + more


def meant(name: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Return the known name that a name is a misspelling of; None where it is known itself, or like none of them.

    Args:
        name, known: as they are written.
        cutoff: how alike they must be, from 0 to 1 (difflib's ratio); the default is for a name that is wrong for certain.
    """
    close = difflib.get_close_matches(name, [*known], n=1, cutoff=cutoff)
    return close[0] if close and close[0] != name else None
