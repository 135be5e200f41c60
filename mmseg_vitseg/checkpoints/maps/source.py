"""What a map in this folder says of a format that checkpoints come in."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from torch import Tensor

from mmseg_vitseg.checkpoints.names import Forms, Names, Table, fields_of, patterns_of

SEGMENTOR = ('decode_head.', 'auxiliary_head.', 'neck.')  # what a segmentor has beside its backbone
# Heads and necks of ours have the host's names.
HEADS: Table = {name: name for name in ('decode_head.{rest}', 'auxiliary_head.{rest}', 'neck.{rest}')}


def nothing(native: dict[str, Tensor]) -> None:
    """Leave what was renamed as it is."""


@dataclass(frozen=True)
class Source:
    """A format that checkpoints come in.

    Args:
        name: as ``source=`` and ``--source`` say it; several formats may share one.
        what: for messages.
        encoder: the encoder's names, without prefix.
        marks: the encoder's names by which it is recognised, all of them.
        prefixes: what may stand before the encoder's names.
        head: what else a whole model has.
        needs: beginnings of names of which one must be there, where the encoder alone is another format's.
        absent: beginnings of names, with the prefix or without, that speak against this format.
        drop: what a file of this format has that no segmentation model uses.
        unused: parts of the encoder that a file may have without having been trained with them.
        no_bias: ends of the names of kernels, ours, whose bias may be left out, which amounts to zero;
            of ``qkv.weight`` those of queries and values.
        forms: tensors that have another shape or order.
        finish: arithmetic after renaming, in place.
    """

    name: str
    what: str
    encoder: Table
    marks: tuple[str, ...]
    prefixes: tuple[str, ...] = ('',)
    head: Table = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    no_bias: tuple[str, ...] = ()
    forms: Forms = field(default_factory=dict)
    finish: Callable[[dict[str, Tensor]], None] = nothing

    @property
    def keeps_names(self) -> bool:
        """Tell whether its encoder has our names."""
        return all(left == right for left, right in self.encoder.items())

    def prefix(self, names: Iterable[str]) -> str | None:
        """Return what stands before the encoder's names; None where this is not the format."""
        names = set(names)
        found = [prefix for prefix in self.prefixes if all(prefix + mark in names for mark in self.marks)]
        if not found or (self.needs and not any(name.startswith(self.needs) for name in names)):
            return None
        against = any(one.startswith(self.absent) for name in names for one in (name, name.removeprefix(found[0])))
        return None if against else found[0]

    def table(self, theirs: str, ours: str) -> Table:
        """Return the whole map, the encoder's names behind the prefixes ``theirs`` and ``ours``."""
        return {_behind(theirs, left): _behind(ours, right) for left, right in self.encoder.items()} | self.head

    def forms_behind(self, prefix: str) -> Forms:
        """Return ``forms``, the encoder's behind its prefix."""
        return {name if name in self.head else prefix + name: form for name, form in self.forms.items()}

    def drops(self, name: str, prefix: str) -> bool:
        """Tell whether a name is on the drop list, as it is or behind the encoder's prefix."""
        return any(_is_of(pattern, one) for pattern in self.drop for one in {name, name.removeprefix(prefix)})

    def has_head(self, names: Iterable[str]) -> bool:
        """Tell whether names are a whole model's, not an encoder's alone."""
        patterns = [pattern for left in self.head for pattern in patterns_of(left)]
        return any(_is_of(pattern, name) for name in names for pattern in patterns)


def _behind(prefix: str, names: Names) -> Names:
    return prefix + names if isinstance(names, str) else tuple(prefix + name for name in names)


def _is_of(pattern: str, name: str) -> bool:
    return fields_of(pattern, name) is not None
