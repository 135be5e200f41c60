"""The host's VisionTransformer, by itself or inside a whole model: its names, and what it does differently.

Heads and necks of the host's keep their names; ours have the same.
"""

import re
from collections.abc import Container

import torch
from mmengine.logging import print_log
from torch import Tensor

# The host's name -> ours (timm's). {i} is a block's number.
NAMES = {
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

MARK = 'patch_embed.projection.weight'  # only the host's and mmpretrain's ViT have it


def from_host(state_dict: dict[str, Tensor], wanted: Container[str]) -> dict[str, Tensor]:
    """Rename the host's ViT in a state dict, wherever it stands in the model; leave every other name and dict alone.

    - The host's ViT has no bias in its patch embedding by default, nor one after its attention where ``qkv_bias`` is off:
      such a bias is zero here, and the log says so.
    - It keeps a class token, and a position for it, that it does not use under ``with_cls_token=False``: they are dropped,
      and the log says so.

    Args:
        state_dict: parameter name -> tensor.
        wanted: the names that the model has.

    Returns:
        a new dict; names that the map does not know are kept, for a strict loader to refuse.
    """
    found = [name for name in state_dict if name.endswith(MARK)]
    if not found:
        return state_dict
    prefix = found[0].removesuffix(MARK)
    native = {}
    for name, value in state_dict.items():
        native[prefix + _rename(name.removeprefix(prefix)) if name.startswith(prefix) else name] = value
    width = len(state_dict[found[0]])
    zeros = [name for name in _biases(prefix, native) if name not in native and name in wanted]
    for name in zeros:
        native[name] = torch.zeros(width, dtype=state_dict[found[0]].dtype)
    if zeros:
        print_log(f'The host left out {", ".join(zeros)}: zero here, which is the same.', logger='current')
    if f'{prefix}cls_token' in native and f'{prefix}cls_token' not in wanted:
        del native[f'{prefix}cls_token']
        native[f'{prefix}pos_embed'] = native[f'{prefix}pos_embed'][:, 1:]
        print_log(
            f'Dropped {prefix}cls_token and its position: the host keeps but does not use them.', logger='current'
        )
    return native


def _rename(name: str) -> str:
    number = re.match(r'layers\.(\d+)\.', name)
    if number is None:
        return NAMES.get(name, name)
    template = name.replace(number[0], 'layers.{i}.', 1)
    return NAMES.get(template, name).replace('{i}', number[1])


def _biases(prefix: str, native: dict[str, Tensor]) -> list[str]:
    """Name the biases that the host may have left out of this model."""
    projections = [name for name in native if name.startswith(prefix) and name.endswith('.attn.proj.weight')]
    return [f'{prefix}patch_embed.proj.bias', *(name.removesuffix('weight') + 'bias' for name in projections)]
