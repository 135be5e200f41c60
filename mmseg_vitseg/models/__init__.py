"""Backbones, necks, heads and the segmentor; importing this registers them."""

import mmseg_vitseg.checkpoints.load_from  # noqa: F401  load_from reads every kind of file, in the host's tools too
from mmseg_vitseg.models.cached_features_preprocessor import CachedFeaturesPreprocessor
from mmseg_vitseg.models.data_preprocessor import SegDataPreProcessor
from mmseg_vitseg.models.eomt import EoMT
from mmseg_vitseg.models.heads import EoMTHead, LinearHead, LinearPatchHead, SegformerHead, SETRMLAHead, SETRUPHead
from mmseg_vitseg.models.losses import CrossEntropyLoss, DiceLoss, FocalLoss, LovaszLoss, TverskyLoss
from mmseg_vitseg.models.mit import MixVisionTransformer
from mmseg_vitseg.models.necks import MLANeck
from mmseg_vitseg.models.seg_tta_model import SegTTAModel
from mmseg_vitseg.models.segmentor import EncoderDecoder
from mmseg_vitseg.models.vit import VisionTransformer

__all__ = [
    'CachedFeaturesPreprocessor',
    'CrossEntropyLoss',
    'DiceLoss',
    'EncoderDecoder',
    'EoMT',
    'EoMTHead',
    'FocalLoss',
    'LinearHead',
    'LinearPatchHead',
    'LovaszLoss',
    'MLANeck',
    'MixVisionTransformer',
    'SETRMLAHead',
    'SETRUPHead',
    'SegDataPreProcessor',
    'SegTTAModel',
    'SegformerHead',
    'TverskyLoss',
    'VisionTransformer',
]
