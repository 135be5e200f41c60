"""The host's transformer backbones, by themselves or inside a whole model: their names, and what they do differently.

Heads and necks of the host's keep their names; ours have the same.
"""

from collections.abc import Container

from mmengine.logging import print_log
from torch import Tensor

from mmseg_vitseg.checkpoints.names import rename

# The host's name -> ours (timm's). {i} is a block's number.
VISION_TRANSFORMER = {
    'cls_token': 'cls_token',
    'pos_embed': 'pos_embed',
    'patch_embed.projection.weight': 'patch_embed.proj.weight',
    'patch_embed.projection.bias': 'patch_embed.proj.bias',
    'layers.{i}.ln1.weight': 'blocks.{i}.norm1.weight',
    'layers.{i}.ln1.bias': 'blocks.{i}.norm1.bias',
    'layers.{i}.attn.attn.in_proj_weight': 'blocks.{i}.attn.qkv.weight',
    'layers.{i}.attn.attn.in_proj_bias': 'blocks.{i}.attn.qkv.bias',
    'layers.{i}.attn.attn.out_proj.weight': 'blocks.{i}.attn.proj.weight',
    'layers.{i}.attn.attn.out_proj.bias': 'blocks.{i}.attn.proj.bias',
    'layers.{i}.ln2.weight': 'blocks.{i}.norm2.weight',
    'layers.{i}.ln2.bias': 'blocks.{i}.norm2.bias',
    'layers.{i}.ffn.layers.0.0.weight': 'blocks.{i}.mlp.fc1.weight',
    'layers.{i}.ffn.layers.0.0.bias': 'blocks.{i}.mlp.fc1.bias',
    'layers.{i}.ffn.layers.1.weight': 'blocks.{i}.mlp.fc2.weight',
    'layers.{i}.ffn.layers.1.bias': 'blocks.{i}.mlp.fc2.bias',
    'ln1.weight': 'norm.weight',
    'ln1.bias': 'norm.bias',
}

# {s} is a stage's number. Queries, keys and values stand in one tensor; here queries, and keys with values.
MIX_VISION_TRANSFORMER = {
    'layers.{s}.0.projection.weight': 'stages.{s}.patch_embed.proj.weight',
    'layers.{s}.0.projection.bias': 'stages.{s}.patch_embed.proj.bias',
    'layers.{s}.0.norm.weight': 'stages.{s}.patch_embed.norm.weight',
    'layers.{s}.0.norm.bias': 'stages.{s}.patch_embed.norm.bias',
    'layers.{s}.1.{i}.norm1.weight': 'stages.{s}.blocks.{i}.norm1.weight',
    'layers.{s}.1.{i}.norm1.bias': 'stages.{s}.blocks.{i}.norm1.bias',
    'layers.{s}.1.{i}.attn.attn.in_proj_weight': (
        'stages.{s}.blocks.{i}.attn.q.weight',
        'stages.{s}.blocks.{i}.attn.kv.weight',
    ),
    'layers.{s}.1.{i}.attn.attn.in_proj_bias': (
        'stages.{s}.blocks.{i}.attn.q.bias',
        'stages.{s}.blocks.{i}.attn.kv.bias',
    ),
    'layers.{s}.1.{i}.attn.attn.out_proj.weight': 'stages.{s}.blocks.{i}.attn.proj.weight',
    'layers.{s}.1.{i}.attn.attn.out_proj.bias': 'stages.{s}.blocks.{i}.attn.proj.bias',
    'layers.{s}.1.{i}.attn.sr.weight': 'stages.{s}.blocks.{i}.attn.sr.weight',
    'layers.{s}.1.{i}.attn.sr.bias': 'stages.{s}.blocks.{i}.attn.sr.bias',
    'layers.{s}.1.{i}.attn.norm.weight': 'stages.{s}.blocks.{i}.attn.norm.weight',
    'layers.{s}.1.{i}.attn.norm.bias': 'stages.{s}.blocks.{i}.attn.norm.bias',
    'layers.{s}.1.{i}.norm2.weight': 'stages.{s}.blocks.{i}.norm2.weight',
    'layers.{s}.1.{i}.norm2.bias': 'stages.{s}.blocks.{i}.norm2.bias',
    'layers.{s}.1.{i}.ffn.layers.0.weight': 'stages.{s}.blocks.{i}.mlp.fc1.weight',
    'layers.{s}.1.{i}.ffn.layers.0.bias': 'stages.{s}.blocks.{i}.mlp.fc1.bias',
    'layers.{s}.1.{i}.ffn.layers.1.weight': 'stages.{s}.blocks.{i}.mlp.dwconv.weight',
    'layers.{s}.1.{i}.ffn.layers.1.bias': 'stages.{s}.blocks.{i}.mlp.dwconv.bias',
    'layers.{s}.1.{i}.ffn.layers.4.weight': 'stages.{s}.blocks.{i}.mlp.fc2.weight',
    'layers.{s}.1.{i}.ffn.layers.4.bias': 'stages.{s}.blocks.{i}.mlp.fc2.bias',
    'layers.{s}.2.weight': 'stages.{s}.norm.weight',
    'layers.{s}.2.bias': 'stages.{s}.norm.bias',
}

# A name that only this backbone has -> its map. The first is mmpretrain's ViT's too.
MARKS = {
    'patch_embed.projection.weight': VISION_TRANSFORMER,
    'layers.0.0.projection.weight': MIX_VISION_TRANSFORMER,
}

# What the host may have without a bias where ours has one.
BIAS_LEFT_OUT = ('patch_embed.proj.weight', '.attn.proj.weight')


def from_host(state_dict: dict[str, Tensor], wanted: Container[str]) -> dict[str, Tensor]:
    """Rename the host's backbone in a state dict, wherever it stands in the model; leave every other name and dict alone.

    - The host has no bias after its attention where ``qkv_bias`` is off, nor, by default, in its ViT's patch embedding: such
      a bias is zero here, and the log says so.
    - Its ViT keeps a class token, and a position for it, that it does not use under ``with_cls_token=False``: they are
      dropped, and the log says so.

    Args:
        state_dict: parameter name -> tensor.
        wanted: the names that the model has. A model that has the host's names keeps them.

    Returns:
        a new dict; names that the map does not know are kept, for a strict loader to refuse.
    """
    found = [(name, mark) for name in state_dict for mark in MARKS if name.endswith(mark) and name not in wanted]
    if not found:
        return state_dict
    name, mark = found[0]
    prefix = name.removesuffix(mark)
    native = {}
    for name, value in state_dict.items():
        target = rename(name.removeprefix(prefix), MARKS[mark]) if name.startswith(prefix) else None
        if isinstance(target, tuple):
            native.update({prefix + one: part for one, part in zip(target, _cut(value), strict=True)})
        else:
            native[name if target is None else prefix + target] = value
    _fill_in_biases(native, prefix, wanted)
    _drop_class_token(native, prefix, wanted)
    return native


def _cut(value: Tensor) -> tuple[Tensor, Tensor]:
    """Cut (3 D, ...) into queries (D, ...) and keys with values (2 D, ...)."""
    width = len(value) // 3
    return value[:width], value[width:]


def _fill_in_biases(native: dict[str, Tensor], prefix: str, wanted: Container[str]) -> None:
    kernels = [name for name in native if name.startswith(prefix) and name.endswith(BIAS_LEFT_OUT)]
    biases = {name.removesuffix('weight') + 'bias': native[name] for name in kernels}
    zeros = {name: kernel for name, kernel in biases.items() if name not in native and name in wanted}
    native.update({name: kernel.new_zeros(len(kernel)) for name, kernel in zeros.items()})
    if zeros:
        print_log(f'The host left out {", ".join(zeros)}: zero here, which is the same.', logger='current')


def _drop_class_token(native: dict[str, Tensor], prefix: str, wanted: Container[str]) -> None:
    if f'{prefix}cls_token' in native and f'{prefix}cls_token' not in wanted:
        del native[f'{prefix}cls_token']
        native[f'{prefix}pos_embed'] = native[f'{prefix}pos_embed'][:, 1:]
        print_log(
            f'Dropped {prefix}cls_token and its position: the host keeps but does not use them.', logger='current'
        )
