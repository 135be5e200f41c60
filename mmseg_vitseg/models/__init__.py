"""Backbones, heads and the segmentor; importing this registers them."""

from mmseg_vitseg.models.heads import LinearPatchHead
from mmseg_vitseg.models.segmentor import EncoderDecoder
from mmseg_vitseg.models.vit import VisionTransformer

__all__ = ['EncoderDecoder', 'LinearPatchHead', 'VisionTransformer']
