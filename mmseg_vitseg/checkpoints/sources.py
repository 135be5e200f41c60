"""Which source a file comes from, told from its names, and its weights under our names."""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from mmseg_vitseg.checkpoints.maps import (
    dinov3,
    eomt,
    hf,
    hf_modules,
    host,
    jax,
    ours,
    segformer_authors,
    setr_authors,
    timm,
    torchvision,
)
from mmseg_vitseg.checkpoints.maps.source import SEGMENTOR, Source
from mmseg_vitseg.checkpoints.names import apply_table
from mmseg_vitseg.checkpoints.values import refuse_integers

MAPS = (timm, dinov3, eomt, hf, hf_modules, host, torchvision, jax, setr_authors, segformer_authors, ours)
SOURCES: tuple[Source, ...] = tuple(source for module in MAPS for source in module.SOURCES)
NAMES = tuple(dict.fromkeys(source.name for source in SOURCES))  # what source= takes besides 'auto'


@dataclass(frozen=True)
class Renamed:
    """A file's weights under our names.

    Args:
        weights: our name -> tensor.
        left: names that the source's map does not have.
        dropped: names that no model of ours uses.
        added: our names of what the source leaves out because it is zero.
        source: the format.
    """

    weights: dict[str, Tensor]
    left: list[str]
    dropped: list[str]
    added: list[str]
    source: Source


def recognise(names: Iterable[str], wanted: Container[str] = (), source: str = 'auto') -> tuple[Source, str]:
    """Tell the source of a file.

    Args:
        names: the file's names.
        wanted: the names that the model has. A model that has a source's names keeps them.
        source: ``auto``, or a source's name, where only its formats are considered.

    Returns:
        the source and the prefix of its encoder's names.

    Raises:
        ValueError: none fits, or several do; shows the first names.
    """
    names = list(names)
    if source not in ('auto', *NAMES):
        raise ValueError(f'source={source!r}; allowed: auto, {", ".join(NAMES)}')
    fitting = [(one, prefix) for one in SOURCES if (prefix := one.prefix(names)) is not None]
    found = [
        (one, prefix)
        for one, prefix in fitting
        if source in ('auto', one.name) and (one.keeps_names or not all(prefix + mark in wanted for mark in one.marks))
    ]
    if len(found) == 1:
        return found[0]
    if not found and source in ('auto', 'ours') and any(name in wanted for name in names):
        return ours.AS_IS, ''
    shown = f'its first names are {", ".join(names[:5])}'
    if found:
        raise ValueError(f'could be {" or ".join(one.what for one, _ in found)}; say which with source=; {shown}')
    if fitting:
        raise ValueError(
            f'source={source!r}, but this is {fitting[0][0].what} (source={fitting[0][0].name!r}); {shown}'
        )
    if names and all(name.startswith(SEGMENTOR) for name in names):
        raise ValueError(f'a head only, without a backbone: it belongs in the init_cfg of its head; {shown}')
    raise ValueError(f'not a format that is known ({", ".join(NAMES)}); {shown}')


def to_our_names(
    weights: dict[str, Tensor], wanted: Mapping[str, Tensor] | None, prefix: str = 'backbone.', source: str = 'auto'
) -> Renamed:
    """Put weights under our names.

    Args:
        weights: a file's.
        wanted: what the model has, None where there is no model: what the map does not know and the model has, stays;
            of what the source leaves out because it is zero, what the model has is added.
        prefix: what stands before the backbone's names in the model.
        source: see :func:`recognise`.

    Raises:
        ValueError: as :func:`recognise`; integers where floats belong.
    """
    found, theirs = recognise(weights, wanted or (), source)
    before = {pattern: there for pattern, (there, _) in found.forms_behind(theirs).items()}
    native, rest = apply_table(weights, found.table(theirs, theirs if found is ours.AS_IS else prefix), before)
    dropped = [name for name in rest if found.drops(name, theirs)]
    kept = [name for name in rest if name not in dropped and name in (wanted or ()) and name not in native]
    left = [name for name in rest if name not in dropped and name not in kept]
    native.update({name: rest[name] for name in kept})
    refuse_integers({name: value for name, value in weights.items() if name not in dropped}, wanted or {})
    found.finish(native)
    zeros = _biases_left_out(native, found.no_bias, wanted)
    return Renamed({**native, **zeros}, left, dropped, list(zeros), found)


def _biases_left_out(
    native: Mapping[str, Tensor], kernels: tuple[str, ...], wanted: Container[str] | None
) -> dict[str, Tensor]:
    """Return zeros for the biases that stand beside ``kernels``, ends of names, in a model and not in a file."""
    found = {
        bias: (kernel, parts)
        for name, kernel in native.items()
        if name.endswith(kernels)
        for bias, parts in _biases_of(name).items()
    }
    return {
        bias: kernel.new_zeros(len(kernel) // parts)
        for bias, (kernel, parts) in found.items()
        if bias not in native and (wanted is None or bias in wanted)
    }


def _biases_of(kernel: str) -> dict[str, int]:
    """Return the names of the biases beside a kernel, each with how many of them would be as long as the kernel."""
    if kernel.endswith('.qkv.weight'):
        return {kernel.removesuffix('qkv.weight') + bias: 3 for bias in ('q_bias', 'v_bias')}
    return {kernel.removesuffix('weight') + 'bias': 1}
