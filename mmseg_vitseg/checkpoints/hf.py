"""Hugging Face's SegFormer, in the names of its files: the encoder by itself, or with the decode head."""

import torch
from torch import Tensor

from mmseg_vitseg.checkpoints.names import rename

# The file's name -> ours. {s} is a stage's number, {i} a block's. Keys and values stand in two tensors, k and v; here in kv.
ENCODER = {
    'encoder.patch_embeddings.{s}.proj.weight': 'stages.{s}.patch_embed.proj.weight',
    'encoder.patch_embeddings.{s}.proj.bias': 'stages.{s}.patch_embed.proj.bias',
    'encoder.patch_embeddings.{s}.layer_norm.weight': 'stages.{s}.patch_embed.norm.weight',
    'encoder.patch_embeddings.{s}.layer_norm.bias': 'stages.{s}.patch_embed.norm.bias',
    'encoder.block.{s}.{i}.layer_norm_1.weight': 'stages.{s}.blocks.{i}.norm1.weight',
    'encoder.block.{s}.{i}.layer_norm_1.bias': 'stages.{s}.blocks.{i}.norm1.bias',
    'encoder.block.{s}.{i}.attention.self.query.weight': 'stages.{s}.blocks.{i}.attn.q.weight',
    'encoder.block.{s}.{i}.attention.self.query.bias': 'stages.{s}.blocks.{i}.attn.q.bias',
    'encoder.block.{s}.{i}.attention.self.key.weight': 'stages.{s}.blocks.{i}.attn.k.weight',
    'encoder.block.{s}.{i}.attention.self.key.bias': 'stages.{s}.blocks.{i}.attn.k.bias',
    'encoder.block.{s}.{i}.attention.self.value.weight': 'stages.{s}.blocks.{i}.attn.v.weight',
    'encoder.block.{s}.{i}.attention.self.value.bias': 'stages.{s}.blocks.{i}.attn.v.bias',
    'encoder.block.{s}.{i}.attention.self.sr.weight': 'stages.{s}.blocks.{i}.attn.sr.weight',
    'encoder.block.{s}.{i}.attention.self.sr.bias': 'stages.{s}.blocks.{i}.attn.sr.bias',
    'encoder.block.{s}.{i}.attention.self.layer_norm.weight': 'stages.{s}.blocks.{i}.attn.norm.weight',
    'encoder.block.{s}.{i}.attention.self.layer_norm.bias': 'stages.{s}.blocks.{i}.attn.norm.bias',
    'encoder.block.{s}.{i}.attention.output.dense.weight': 'stages.{s}.blocks.{i}.attn.proj.weight',
    'encoder.block.{s}.{i}.attention.output.dense.bias': 'stages.{s}.blocks.{i}.attn.proj.bias',
    'encoder.block.{s}.{i}.layer_norm_2.weight': 'stages.{s}.blocks.{i}.norm2.weight',
    'encoder.block.{s}.{i}.layer_norm_2.bias': 'stages.{s}.blocks.{i}.norm2.bias',
    'encoder.block.{s}.{i}.mlp.dense1.weight': 'stages.{s}.blocks.{i}.mlp.fc1.weight',
    'encoder.block.{s}.{i}.mlp.dense1.bias': 'stages.{s}.blocks.{i}.mlp.fc1.bias',
    'encoder.block.{s}.{i}.mlp.dwconv.dwconv.weight': 'stages.{s}.blocks.{i}.mlp.dwconv.weight',
    'encoder.block.{s}.{i}.mlp.dwconv.dwconv.bias': 'stages.{s}.blocks.{i}.mlp.dwconv.bias',
    'encoder.block.{s}.{i}.mlp.dense2.weight': 'stages.{s}.blocks.{i}.mlp.fc2.weight',
    'encoder.block.{s}.{i}.mlp.dense2.bias': 'stages.{s}.blocks.{i}.mlp.fc2.bias',
    'encoder.layer_norm.{s}.weight': 'stages.{s}.norm.weight',
    'encoder.layer_norm.{s}.bias': 'stages.{s}.norm.bias',
}

HEAD = {
    'decode_head.linear_c.{s}.proj.weight': 'decode_head.convs.{s}.conv.weight',
    'decode_head.linear_c.{s}.proj.bias': 'decode_head.convs.{s}.conv.bias',
    'decode_head.linear_fuse.weight': 'decode_head.fusion_conv.conv.weight',
    'decode_head.batch_norm.weight': 'decode_head.fusion_conv.bn.weight',
    'decode_head.batch_norm.bias': 'decode_head.fusion_conv.bn.bias',
    'decode_head.batch_norm.running_mean': 'decode_head.fusion_conv.bn.running_mean',
    'decode_head.batch_norm.running_var': 'decode_head.fusion_conv.bn.running_var',
    'decode_head.batch_norm.num_batches_tracked': 'decode_head.fusion_conv.bn.num_batches_tracked',
    'decode_head.classifier.weight': 'decode_head.conv_seg.weight',
    'decode_head.classifier.bias': 'decode_head.conv_seg.bias',
}

MARK = 'encoder.patch_embeddings.0.proj.weight'


def from_hf(state_dict: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename a SegFormer of Hugging Face's, whole or the encoder by itself; leave every other dict alone.

    Its head fuses the levels deepest first, ours, as the host's, shallowest first: the fusion's columns change places.

    Returns:
        a new dict; names that the map does not know are kept, for a strict loader to refuse.
    """
    prefixes = {f'segformer.{MARK}': ('segformer.', 'backbone.'), MARK: ('', '')}
    found = [prefixes[name] for name in prefixes if name in state_dict]
    if not found:
        return state_dict
    (theirs, ours), *_ = found
    native = {}
    for name, value in state_dict.items():
        target = rename(name.removeprefix(theirs), ENCODER) if name.startswith(theirs) else None
        native[rename(name, HEAD) or name if target is None else ours + target] = value
    for name in [name for name in native if '.attn.k.' in name and name.replace('.k.', '.v.') in native]:
        keys, values = native.pop(name), native.pop(name.replace('.k.', '.v.'))
        native[name.replace('.k.', '.kv.')] = torch.cat([keys, values])
    fusion = native.get('decode_head.fusion_conv.conv.weight')  # (C, L C, 1, 1)
    if fusion is not None:
        native['decode_head.fusion_conv.conv.weight'] = torch.cat(fusion.split(len(fusion), dim=1)[::-1], dim=1)
    return native
