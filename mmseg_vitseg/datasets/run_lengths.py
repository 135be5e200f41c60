"""Masks as COCO has them, as arrays. H W size in pixels."""

import warnings

import numpy as np


def decoded(mask: dict) -> np.ndarray:
    """Return compressed run lengths as a mask (H, W), bool, without numpy's warning of the arrays that pycocotools makes."""
    from pycocotools import mask as coco

    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        return coco.decode(mask).astype(bool)
