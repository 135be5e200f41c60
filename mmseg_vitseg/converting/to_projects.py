"""Our weights under other projects' names: the maps that load them, read from right to left."""

import torch
from torch import Tensor

from mmseg_vitseg.checkpoints.fitting import square_kernel
from mmseg_vitseg.checkpoints.maps import hf, host, timm
from mmseg_vitseg.checkpoints.maps.timm import SEGMENTOR
from mmseg_vitseg.checkpoints.names import Source, inverse, translate

HF_VIT, _, HF_DINOV2, HF_SEGFORMER = hf.SOURCES
HOST_VIT, HOST_MIT, _ = host.SOURCES
TIMM = timm.SOURCES[0]
# project -> its ViT, its ViT with layer scale, its MiT; None where it has none
PROJECTS: dict[str, tuple[Source | None, Source | None, Source | None]] = {
    'timm': (TIMM, TIMM, None),
    'hf': (HF_VIT, HF_DINOV2, HF_SEGFORMER),
    'mmseg': (HOST_VIT, None, HOST_MIT),
}


def export(state: dict[str, Tensor], to: str, channels: int = 3) -> tuple[dict[str, Tensor], list[str]]:
    """Put our weights under another project's names, in its shapes.

    Args:
        state: a backbone's, or a whole model's with ``backbone.`` before the backbone's names.
        to: ``timm``, ``hf`` or ``mmseg``.
        channels: of the input, to make a patch kernel of our linear layer's weight.

    Returns:
        their name -> tensor; the names of our heads that are left out, where that project has no such head.

    Raises:
        ValueError: that project has no such model, or no place for some of the names.
    """
    place = 'backbone.' if any(name.startswith('backbone.') for name in state) else ''
    mit, scaled = f'{place}stages.0.patch_embed.proj.weight' in state, f'{place}blocks.0.ls1.gamma' in state
    source = PROJECTS[to][2 if mit else 1 if scaled else 0]
    if source is None:
        raise ValueError(f'{to} has no {"MiT" if mit else "ViT with layer scale"}')
    outside = [name for name in state if name.startswith(SEGMENTOR) and not source.head]
    native = {name: value for name, value in state.items() if name not in outside}
    kernel = f'{place}patch_embed.proj.weight'
    if kernel in native and native[kernel].ndim == 2:
        native[kernel] = square_kernel(native[kernel], channels)
    if 'cls_token' in source.unused and f'{place}cls_token' not in native:
        _add_unused_token(native, place)
    prefix = source.prefixes[-1] if source.head and place else ''
    forms = source.shapes(prefix)
    after = {pattern: back for pattern, (_, back) in forms.items() if back is not None}
    assert len(after) == len(forms), 'a format that is only read'
    theirs, rest = translate(native, inverse(source.table(prefix, place)), after=after)
    if rest:
        raise ValueError(f'{source.what} has no place for {", ".join(rest)}')
    return theirs, outside


def _add_unused_token(native: dict[str, Tensor], place: str) -> None:
    """Give the host's ViT the class token, and the position for it, that it has even where it does not use them."""
    positions = native[f'{place}pos_embed']  # (1, h w, D)
    native[f'{place}cls_token'] = torch.zeros_like(positions[:, :1])
    native[f'{place}pos_embed'] = torch.cat([torch.zeros_like(positions[:, :1]), positions], dim=1)
