"""Differences to published weights, and these, made one: how EoMT's authors publish their models on DINOv3."""

from pathlib import Path

from torch import Tensor

from mmseg_vitseg.checkpoints.fetch import local_file
from mmseg_vitseg.checkpoints.maps import eomt
from mmseg_vitseg.checkpoints.maps.source import SEGMENTOR
from mmseg_vitseg.checkpoints.names import apply_table, inverse
from mmseg_vitseg.checkpoints.prefixes import unwrapped
from mmseg_vitseg.checkpoints.reading import read_state_dict
from mmseg_vitseg.checkpoints.sources import recognise, to_our_names
from mmseg_vitseg.checkpoints.which_model import model_of
from mmseg_vitseg.errors import listed


def added_to_base(differences: dict[str, Tensor], base: str | Path) -> dict[str, Tensor]:
    """Add DINOv3's weights to the differences of an encoder; heads and queries, which are whole, stay.

    Args:
        differences: of a file by EoMT's authors, under its names.
        base: DINOv3's file, Hugging Face's or its authors'.

    Returns:
        weights, under the names of ``differences``.

    Raises:
        FileNotFoundError, ConnectionError: there is no base.
        ValueError: these are no differences, or the base is no DINOv3, or one of another size.
    """
    source, prefix = recognise(differences)
    if source not in eomt.AUTHORS_ROTARY:
        raise ValueError(f'--base is for differences to DINOv3, which the EoMT authors publish; this is {source.what}')
    table = source.table(prefix, '')
    encoder = {name: value for name, value in differences.items() if name.startswith(prefix)}
    native, _ = apply_table(encoder, table)
    if not eomt.are_differences(native):
        raise ValueError('these are weights, not differences: leave out --base')
    weights = _dinov3(base)
    if model_of(native, '') != model_of(weights, ''):
        raise ValueError(
            f'--base {base} is a {model_of(weights, "")}, these are differences to a {model_of(native, "")}'
        )
    theirs, rest = apply_table(weights, inverse(table))
    names = {name for name in encoder if not source.drops(name, prefix)}
    unlike = [name for name in names & theirs.keys() if encoder[name].shape != theirs[name].shape]
    if odd := sorted([*rest, *unlike, *(names ^ theirs.keys())]):
        raise ValueError(
            f'--base {base} is not what these are differences to: they do not have both, or not alike, {listed(odd)}'
        )
    # as float32, for in half precision the sum would be rounded once more
    return {
        name: value.float() + theirs[name].float() if name in names else value for name, value in differences.items()
    }


def _dinov3(path: str | Path) -> dict[str, Tensor]:
    """Read DINOv3's weights under our names, without periods of positions, which are no weights."""
    renamed = to_our_names(unwrapped(read_state_dict(local_file(path)), (), path), None, prefix='')
    more = any(name.startswith(SEGMENTOR) for name in renamed.weights)
    if renamed.left or renamed.added or more or not (model_of(renamed.weights, '') or '').startswith('DINOv3'):
        raise ValueError(
            f"--base {path}: {renamed.source.what}; allowed: DINOv3, in Hugging Face's file or its authors', such as "
            'hf://facebook/dinov3-vitl16-pretrain-lvd1689m for L'
        )
    return {name: value for name, value in renamed.weights.items() if name != 'rope.periods'}
