"""Decode heads."""

from mmseg_vitseg.models.heads.linear_patch import LinearPatchHead

__all__ = ['LinearPatchHead']
