"""Decode heads."""

from mmseg_vitseg.models.heads.eomt import EoMTHead
from mmseg_vitseg.models.heads.linear import LinearHead
from mmseg_vitseg.models.heads.linear_patch import LinearPatchHead
from mmseg_vitseg.models.heads.segformer import SegformerHead
from mmseg_vitseg.models.heads.setr import SETRMLAHead, SETRUPHead

__all__ = ['EoMTHead', 'LinearHead', 'LinearPatchHead', 'SETRMLAHead', 'SETRUPHead', 'SegformerHead']
