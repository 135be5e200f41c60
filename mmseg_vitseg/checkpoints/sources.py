"""Which source a file comes from, told from its names, and its weights under our names."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from torch import Tensor

from mmseg_vitseg.checkpoints.maps import hf, hf_modules, host, jax, ours, timm, torchvision
from mmseg_vitseg.checkpoints.maps import segformer_authors as segformer
from mmseg_vitseg.checkpoints.maps import setr_authors as setr
from mmseg_vitseg.checkpoints.names import Source, translate
from mmseg_vitseg.checkpoints.values import refuse_integers

SOURCES: tuple[Source, ...] = tuple(
    chain.from_iterable(
        module.SOURCES for module in (timm, hf, hf_modules, host, torchvision, jax, setr, segformer, ours)
    )
)
NAMES = tuple(dict.fromkeys(source.name for source in SOURCES))  # what source= takes besides 'auto'
SHOWN = 5  # keys of a file that is not recognised


@dataclass(frozen=True)
class Converted:
    """A file's weights under our names.

    Args:
        state: our name -> tensor.
        left: names that the source's map does not have.
        dropped: names that are on its drop list.
        added: our names of what the source leaves out because it is zero.
        source: the format.
    """

    state: dict[str, Tensor]
    left: list[str]
    dropped: list[str]
    added: list[str]
    source: Source


def recognise(names: Iterable[str], wanted: Container[str] = (), name: str = 'auto') -> tuple[Source, str]:
    """Tell the source of a file.

    Args:
        names: the file's names.
        wanted: the names that the model has. A model that has a source's names keeps them.
        name: ``auto``, or the source's name, where only its formats are considered.

    Returns:
        the source and the prefix of its encoder's names.

    Raises:
        ValueError: none fits, or several do; shows the first names.
    """
    names = list(names)
    if name not in ('auto', *NAMES):
        raise ValueError(f'source={name!r}; allowed: auto, {", ".join(NAMES)}')
    fitting = [(source, prefix) for source in SOURCES if (prefix := source.prefix(names)) is not None]
    found = [
        (source, prefix)
        for source, prefix in fitting
        if name in ('auto', source.name)
        and (source.keeps_names or not all(prefix + mark in wanted for mark in source.marks))
    ]
    if len(found) == 1:
        return found[0]
    if not found and name in ('auto', 'ours') and any(one in wanted for one in names):
        return ours.AS_IS, ''
    shown = f'its first names are {", ".join(names[:SHOWN])}'
    if found:
        raise ValueError(f'could be {" or ".join(source.what for source, _ in found)}; say which with source=; {shown}')
    if fitting:
        raise ValueError(f'source={name!r}, but this is {fitting[0][0].what} (source={fitting[0][0].name!r}); {shown}')
    raise ValueError(f'not a format that is known ({", ".join(NAMES)}); {shown}')


def convert(
    state_dict: dict[str, Tensor], wanted: Mapping[str, Tensor] | None, place: str = 'backbone.', name: str = 'auto'
) -> Converted:
    """Put weights under our names.

    Args:
        state_dict: a file's weights.
        wanted: what the model has, None where there is no model: what the map does not know and the model has, stays;
            of what the source leaves out because it is zero, what the model has is added.
        place: what stands before the backbone's names in the model.
        name: the source, see :func:`recognise`.

    Raises:
        ValueError: as :func:`recognise`; integers where floats belong.
    """
    source, prefix = recognise(state_dict, wanted or (), name)
    before = {pattern: there for pattern, (there, _) in source.shapes(prefix).items()}
    table = source.table(prefix, prefix if source is ours.AS_IS else place)
    native, rest = translate(state_dict, table, before)
    dropped = [one for one in rest if source.dropped(one, prefix)]
    kept = [one for one in rest if one not in dropped and one in (wanted or ()) and one not in native]
    left = [one for one in rest if one not in dropped and one not in kept]
    native.update({one: rest[one] for one in kept})
    refuse_integers({one: value for one, value in state_dict.items() if one not in dropped}, wanted or {})
    source.finish(native)
    kernels = [one for one in native if source.no_bias and one.endswith(source.no_bias)]
    biases = {one.removesuffix('weight') + 'bias': native[one] for one in kernels}
    zeros = {
        one: kernel.new_zeros(len(kernel))
        for one, kernel in biases.items()
        if one not in native and (wanted is None or one in wanted)
    }
    return Converted({**native, **zeros}, left, dropped, list(zeros), source)
