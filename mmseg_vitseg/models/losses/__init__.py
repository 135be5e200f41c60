"""Losses: the host's where they are wrong or fail, and the one way in which a head's loss is computed."""

from mmseg_vitseg.models.losses.modules import CrossEntropyLoss, DiceLoss, FocalLoss, LovaszLoss, TverskyLoss

__all__ = ['CrossEntropyLoss', 'DiceLoss', 'FocalLoss', 'LovaszLoss', 'TverskyLoss']
