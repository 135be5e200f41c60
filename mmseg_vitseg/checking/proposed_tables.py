"""A table for masks of colours, or of values above 255, from what is seen in a sample of them: a line to paste."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from mmseg_vitseg.datasets.mask_colours import are_mixtures, colour_of, number_of
from mmseg_vitseg.datasets.masks import NoMaskError
from mmseg_vitseg.errors import listed

LISTED = 24  # colours or values named with their shares
MANY = 3  # times as many colours as classes
COMMON = 0.01  # of the pixels: what has as many is of no edge
MOST = 256  # more are no classes


class Proposal(NamedTuple):
    """What is seen in masks, and a table of it, both as text."""

    seen: str
    fix: str


def proposed_table(
    masks: Iterable[NoMaskError],
    names: Sequence[str],
    palette: Sequence[Sequence[int]] | None,
    other_values: Counter[int],
) -> Proposal | None:
    """Propose ``colors`` or ``values`` for LoadMask; None where neither is seen.

    Args:
        masks: what was seen in each that could not be read.
        names: the classes'; none where the config does not say.
        palette: their colours, where somebody chose them.
        other_values: those of masks that could be read, and how many pixels have each.
    """
    masks = [mask for mask in masks if mask.seen]
    coloured = [mask.seen for mask in masks if mask.colours]
    counts: Counter[int] = Counter()
    for seen in coloured or [mask.seen for mask in masks] + ([other_values] if masks else []):
        counts.update(seen)
    if not counts:
        return None
    known = {}
    if coloured and palette is not None:
        known = {number_of(tuple(map(int, colour))): name for name, colour in zip(names, palette, strict=True)}
    kept = _without_mixtures(counts, len(names), known) if coloured else sorted(counts)
    what = _shares(counts, kept, bool(coloured))
    if len(kept) > MOST:
        return Proposal(what, f'{len(kept)} are too many for classes; look at the masks')
    return Proposal(what, _line(_named(kept, known, names), names, bool(coloured), bool(known)))


def _without_mixtures(counts: Counter[int], classes: int, known: Collection[int]) -> list[int]:
    """Return the colours that may be classes, the most common first: without mixtures of them, where edges are smooth.

    Palettes have mixtures too, a dark yellow between black and yellow; smooth edges have many.
    """
    order = [key for key, _ in counts.most_common()]
    if len(order) <= MANY * max(classes, MANY):
        return order
    first = {*known, *order[:classes]}
    common = [key for key in order if key in first or counts[key] >= COMMON * counts.total()]
    chosen = {*common}
    others = [key for key in order if key not in chosen]
    if others and not are_mixtures(np.array(others[:1]), np.array(common)):  # of no class, as black often is
        common.append(others.pop(0))
    return common if others and are_mixtures(np.array(others), np.array(common)) else order


def _shares(counts: Counter[int], kept: list[int], coloured: bool) -> str:
    total, kind = counts.total(), 'colours' if coloured else 'values'
    rows = sorted(kept, key=lambda key: -counts[key])
    text = listed([f'{colour_of(key) if coloured else key} {100 * counts[key] / total:.3g} %' for key in rows], LISTED)
    if len(kept) == len(counts):
        return f'{len(kept)} {kind} seen: {text}'
    others = total - sum(counts[key] for key in kept)
    return (
        f'{len(kept)} {kind} seen: {text}, and {len(counts) - len(kept)} mixtures of them in {100 * others / total:.2g} % '
        'of the pixels: are edges anti-aliased? Save masks without smoothing: such pixels are refused'
    )


def _named(order: list[int], known: dict[int, str], names: Sequence[str]) -> dict[str, int]:
    """Give each key a name: the palette's, else the next of those that are left, else class_N."""
    found = {known[key]: key for key in order if key in known}
    left = [name for name in names if name not in found]
    for key in order:
        if key not in known:
            found[left.pop(0) if left else f'class_{len(found)}'] = key
    return found


def _line(table: dict[str, int], names: Sequence[str], coloured: bool, of_palette: bool) -> str:
    argument, kind, order = ('colors', 'colour', 'share') if coloured else ('values', 'value', 'size')
    written = {name: colour_of(key) if coloured else key for name, key in table.items()}
    classes = list(names) or list(table)
    extra = [name for name in table if name not in classes]
    void = f', void={[written.pop(name) for name in extra]}' if extra and of_palette else ''
    text = f'dict(type="mmseg_vitseg.LoadMask", {argument}={written}{void}, classes={classes}) in every pipeline'
    if void:
        text += '; what is not in the palette is void there'
    elif not of_palette:
        text += f'; it is a guess, names in the order of the {kind}s by {order}: put each name to its {kind}'
        if extra:
            text += f'; what is no class ({listed(extra)}) goes into void=[...], or merge={{name: class}}'
    if unseen := [name for name in classes if name not in table]:
        text += f'; no {kind} was seen of {listed(unseen)}, and it needs one'
    return text
