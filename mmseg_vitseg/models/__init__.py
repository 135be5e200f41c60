"""Backbones and heads; importing this registers them."""

from mmseg_vitseg.models.heads import LinearPatchHead
from mmseg_vitseg.models.vit import VisionTransformer

__all__ = ['LinearPatchHead', 'VisionTransformer']
