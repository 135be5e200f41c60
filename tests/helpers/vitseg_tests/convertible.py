"""A file to convert, and a config to fit it to."""

from pathlib import Path

import torch
from torch import Tensor

from mmseg_vitseg.models import VisionTransformer

HEAD = "dict(type='mmseg_vitseg.LinearPatchHead', in_channels=16, num_classes=3, patch_size=8)"
CONFIG = f"""
model = dict(
    type='mmseg_vitseg.EncoderDecoder',
    backbone=dict(type='mmseg_vitseg.VisionTransformer', embed_dims=16, num_layers=2, num_heads=2, img_size=48, patch_size=8,
                  init_cfg=dict(type='Pretrained', checkpoint='nowhere.pth')),
    decode_head={HEAD})
"""


def write_vit(folder: Path) -> dict[str, Tensor]:
    """Write ``vit.pth``, a ViT under timm's names with a classifier, and ``config.py``, which lacks its final norm."""
    model = VisionTransformer(embed_dims=16, num_layers=2, num_heads=2, img_size=32, patch_size=8, final_norm=True)
    model.init_weights()
    state = {**model.state_dict(), 'head.weight': torch.ones(3, 16), 'head.bias': torch.ones(3)}
    state['patch_embed.proj.weight'] = state['patch_embed.proj.weight'].unflatten(1, (3, 8, 8))
    torch.save({'model': state}, folder / 'vit.pth')
    (folder / 'config.py').write_text(CONFIG)
    return state
