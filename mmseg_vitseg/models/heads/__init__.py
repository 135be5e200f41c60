"""Decode heads."""

from mmseg_vitseg.models.heads.linear_patch import LinearPatchHead
from mmseg_vitseg.models.heads.segformer import SegformerHead
from mmseg_vitseg.models.heads.setr import SETRMLAHead, SETRUPHead

__all__ = ['LinearPatchHead', 'SETRMLAHead', 'SETRUPHead', 'SegformerHead']
