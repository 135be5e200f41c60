"""Decode heads."""

from mmseg_vitseg.models.heads.linear import LinearHead
from mmseg_vitseg.models.heads.linear_patch import LinearPatchHead
from mmseg_vitseg.models.heads.segformer import SegformerHead
from mmseg_vitseg.models.heads.setr import SETRMLAHead, SETRUPHead

__all__ = ['LinearHead', 'LinearPatchHead', 'SETRMLAHead', 'SETRUPHead', 'SegformerHead']
