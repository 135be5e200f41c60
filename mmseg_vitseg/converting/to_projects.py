"""Our weights under other projects' names: the maps that load them, read from right to left."""

import torch
from torch import Tensor

from mmseg_vitseg.checkpoints.maps import dinov3, eomt, hf, host
from mmseg_vitseg.checkpoints.maps.source import SEGMENTOR, Source
from mmseg_vitseg.checkpoints.maps.timm import TIMM
from mmseg_vitseg.checkpoints.names import apply_table, inverse
from mmseg_vitseg.checkpoints.sizes import square_kernel
from mmseg_vitseg.checkpoints.which_model import QUERIES
from mmseg_vitseg.converting.hugging_face_eomt import refitted, settings

HF_VIT, _, HF_DINOV2, HF_DINOV2_GATED, HF_SEGFORMER = hf.SOURCES
HOST_VIT, HOST_MIT, _ = host.SOURCES
VIT, SCALED, MIT = 'ViT', 'ViT with layer scale', 'MiT'
SCALED_GATED, ROTARY, ROTARY_GATED = 'DINOv2 with SwiGLU', 'DINOv3', 'DINOv3 with SwiGLU'
# project -> the kinds of backbones that it has
PROJECTS: dict[str, dict[str, Source]] = {
    'timm': {VIT: TIMM, SCALED: TIMM, SCALED_GATED: TIMM} | dict.fromkeys((ROTARY, ROTARY_GATED), dinov3.TIMM_FILE),
    'hf': {VIT: HF_VIT, SCALED: HF_DINOV2, SCALED_GATED: HF_DINOV2_GATED, MIT: HF_SEGFORMER}
    | {ROTARY: dinov3.HF_PLAIN_FILE, ROTARY_GATED: dinov3.HF_GATED_FILE},
    'mmseg': {VIT: HOST_VIT, MIT: HOST_MIT},
}
# the kinds of backbones that a project's EoMT has
EOMT: dict[str, dict[str, Source]] = {
    'hf': {SCALED: eomt.HF_FILE, SCALED_GATED: eomt.HF_GATED_FILE, ROTARY: eomt.HF_ROTARY_FILE},
}


def to_project(
    weights: dict[str, Tensor], project: str, channels: int = 3, query_blocks: int | None = None
) -> tuple[dict[str, Tensor], list[str]]:
    """Put our weights under another project's names, in its shapes.

    Args:
        weights: a backbone's, or a whole model's with ``backbone.`` before the backbone's names.
        project: ``timm``, ``hf`` or ``mmseg``.
        channels: of the input, to make a patch kernel of our linear layer's weight.
        query_blocks: how many blocks the queries of EoMT pass, which Hugging Face's files say.

    Returns:
        their name -> tensor; the names that are left out: those of heads that the project does not have, and the periods
        of rotary positions, which it computes.

    Raises:
        ValueError: that project has no such model, or no place for some of the names.
    """
    prefix = 'backbone.' if any(name.startswith('backbone.') for name in weights) else ''
    source = _format_of(weights, prefix, project)
    outside = [name for name in weights if name.startswith(SEGMENTOR) and not source.head]
    outside += [name for name in weights if name == f'{prefix}rope.periods']
    native = {name: value for name, value in weights.items() if name not in outside}
    kernel = f'{prefix}patch_embed.proj.weight'
    if kernel in native and native[kernel].ndim == 2:
        native[kernel] = square_kernel(native[kernel], channels)
    if source.head is eomt.HF_HEAD:
        native = refitted(native, prefix)
    if 'cls_token' in source.unused and f'{prefix}cls_token' not in native:
        _add_unused_token(native, prefix)
    their_prefix = source.prefixes[-1] if source.head and prefix else ''
    forms = source.forms_behind(their_prefix)
    after = {pattern: back for pattern, (_, back) in forms.items() if back is not None}
    assert len(after) == len(forms), 'a format that is only read'
    theirs, rest = apply_table(native, inverse(source.table(their_prefix, prefix)), after=after)
    if rest:
        raise ValueError(f'{source.what} has no place for {", ".join(rest)}')
    if source.head is eomt.HF_HEAD:
        theirs |= settings(theirs, query_blocks)
    return theirs, outside


def _format_of(weights: dict[str, Tensor], prefix: str, project: str) -> Source:
    """Return a project's format for a backbone of ours."""
    kind = _kind_of({name.removeprefix(prefix): value for name, value in weights.items()})
    if QUERIES in weights and project in EOMT:
        if kind not in EOMT[project]:
            raise ValueError(f'{project} has no EoMT on a {kind}')
        return EOMT[project][kind]
    if kind not in PROJECTS[project]:
        raise ValueError(f'{project} has no {kind}')
    return PROJECTS[project][kind]


def _kind_of(weights: dict[str, Tensor]) -> str:
    """Tell the kind of a backbone from its weights."""
    if 'stages.0.patch_embed.proj.weight' in weights:
        return MIT
    if 'pos_embed' not in weights:  # positions are rotary; their periods may be left out
        return ROTARY_GATED if 'blocks.0.mlp.fc1_g.weight' in weights else ROTARY
    if 'blocks.0.ls1.gamma' not in weights:
        return VIT
    first, second = (weights[f'blocks.0.mlp.{name}.weight'] for name in ('fc1', 'fc2'))
    return SCALED_GATED if len(first) == 2 * second.shape[1] else SCALED


def _add_unused_token(native: dict[str, Tensor], prefix: str) -> None:
    """Give the host's ViT the class token, and the position for it, that it has even where it does not use them."""
    positions = native[f'{prefix}pos_embed']  # (1, h w, D)
    native[f'{prefix}cls_token'] = torch.zeros_like(positions[:, :1])
    native[f'{prefix}pos_embed'] = torch.cat([torch.zeros_like(positions[:, :1]), positions], dim=1)
