"""Backbones, necks, heads and the segmentor; importing this registers them."""

from mmseg_vitseg.models.heads import LinearPatchHead, SegformerHead, SETRMLAHead, SETRUPHead
from mmseg_vitseg.models.mit import MixVisionTransformer
from mmseg_vitseg.models.necks import MLANeck
from mmseg_vitseg.models.segmentor import EncoderDecoder
from mmseg_vitseg.models.vit import VisionTransformer

__all__ = [
    'EncoderDecoder',
    'LinearPatchHead',
    'MLANeck',
    'MixVisionTransformer',
    'SETRMLAHead',
    'SETRUPHead',
    'SegformerHead',
    'VisionTransformer',
]
