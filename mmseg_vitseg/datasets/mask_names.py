"""Classes by their names: which label each name of a mask's table has, when some are merged and some ignored."""

from collections.abc import Container, Iterable, Mapping, Sequence

from mmseg_vitseg.errors import listed, meant
from mmseg_vitseg.labels import IGNORED

ALL_OTHERS = '*'  # in `merge`: every name that is no class and not named there


def labels_by_name(
    names: Iterable[str],
    classes: Sequence[str] | None,
    merge: Mapping[str, str | None],
    where: str,
    others: Container[str | int | None] = (),
) -> dict[str, int]:
    """Return the label of each name: the number of its class, or of the one that it is merged into, or 255.

    Args:
        names: those before merging.
        classes: those after it, in the order of their labels.
        merge: name -> class, or None for what is ignored.
        where: what has the names, for messages.
        others: classes that need no name.

    Raises:
        ValueError: no names; one that is no class and not merged; one in ``merge`` that is not there; a class that nothing
            is.
    """
    names = list(names)
    if not names:
        raise ValueError(f'{where} has no names, of which merge is')
    if not isinstance(classes, Sequence) or isinstance(classes, str):
        raise ValueError(f"{where} has names; their labels are their places in classes=[...]: give metainfo's classes")
    for name in merge:
        if name != ALL_OTHERS and name not in names:
            raise ValueError(f'merge has {name!r}, and {where} does not{_hint(name, names)}; it has {listed(names)}')
    for name, target in merge.items():
        if target is not None and target not in classes:
            raise ValueError(
                f'merge={{{name!r}: {target!r}}}: {target!r} is not in classes{_hint(target, classes)}; allowed: '
                f'{listed(classes)}, or None for what is ignored'
            )
    into: dict[str, str | None] = {}
    for name in names:
        rest = name if name in classes else merge.get(ALL_OTHERS, name)
        into[name] = merge.get(name, rest)
    if unknown := [name for name in names if into[name] is not None and into[name] not in classes]:
        raise ValueError(
            f'{where} has {listed(unknown)}, not in classes{_hint(unknown[0], classes)}; say what becomes of them: '
            f'merge={{{unknown[0]!r}: CLASS, or None for ignored}}, and {ALL_OTHERS!r} stands for all others'
        )
    if absent := [name for name in classes if name not in into.values() and name not in others]:
        raise ValueError(
            f'classes has {listed(absent)}, and {where} has no such name{_hint(absent[0], names)}, nor is one merged into it'
        )
    return {name: IGNORED if one is None else list(classes).index(one) for name, one in into.items()}


def _hint(name: str, known: Iterable[str]) -> str:
    close = meant(str(name), map(str, known))
    return f' ({close!r} is meant?)' if close else ''
