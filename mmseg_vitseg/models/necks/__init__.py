"""Necks."""

from mmseg_vitseg.models.necks.mla import MLANeck

__all__ = ['MLANeck']
