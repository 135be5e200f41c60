"""Brightness, contrast and colours changed by chance, for training. H W size in pixels, C bands."""

from collections.abc import Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmseg.datasets import transforms as host
from numpy import random

from mmseg_vitseg.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PhotoMetricDistortion(host.PhotoMetricDistortion):
    """The host's, of colours of 8 bits; what it would cut off at 255, or fail at in most of its draws, is refused.

    Raises:
        ValueError: other bands, or other values than 0 to 255.
    """

    def transform(self, results: dict) -> dict:
        """Change ``img``, (H, W, 3) BGR, uint8, or as floats."""
        img = results['img']
        colours = img.ndim == 3 and img.shape[2] == 3
        floats = img.dtype.kind == 'f' and img.size and img.min() >= 0 and 1 < img.max() <= 255
        if not colours or not (img.dtype == np.uint8 or floats):
            what = f'{1 if img.ndim == 2 else img.shape[2]} bands, {img.dtype}'
            raise ValueError(
                f'{results.get("img_path")}: PhotoMetricDistortion is for colours of 8 bits (three bands, 0 to 255); these '
                f'are {what}, {img.min(initial=0):g} to {img.max(initial=0):g}. For any bands: '
                "dict(type='mmseg_vitseg.RandomBrightnessContrast')"
            )
        return super().transform(results)


@TRANSFORMS.register_module()
class RandomBrightnessContrast(BaseTransform):
    """Brightness and contrast of pictures of any bands and depth, changed by chance, for all bands alike.

    ``x * contrast + brightness * s``, ``s`` the standard deviation of the band in the picture: so that it is the same change
    in whatever numbers a band is given. Each of the two is left out in half of the pictures, and whole numbers are cut off
    at their dtype's ends, as in the host's PhotoMetricDistortion.

    Args:
        brightness_delta: the most that ``brightness`` is away from 0.
        contrast_range: the lowest and the highest ``contrast``.

    Raises:
        ValueError: a range that is none.
    """

    def __init__(self, *, brightness_delta: float = 0.5, contrast_range: Sequence[float] = (0.5, 1.5)):
        if brightness_delta < 0 or len(contrast_range) != 2 or not 0 < contrast_range[0] <= contrast_range[1]:
            raise ValueError(
                f'RandomBrightnessContrast: brightness_delta={brightness_delta}, contrast_range={contrast_range}; allowed: '
                '0 or more, and (lowest, highest), both above 0'
            )
        self.brightness_delta = brightness_delta
        self.lowest, self.highest = contrast_range

    def transform(self, results: dict) -> dict:
        """Change ``img``, (H, W) or (H, W, C)."""
        brightness = random.uniform(-self.brightness_delta, self.brightness_delta) if random.randint(2) else 0.0
        contrast = random.uniform(self.lowest, self.highest) if random.randint(2) else 1.0
        img = results['img']
        spread = img.std(axis=(0, 1), dtype=np.float32)  # (C,)
        changed = img.astype(np.float32) * np.float32(contrast) + np.float32(brightness) * spread
        if img.dtype.kind in 'ui':
            changed = changed.clip(np.iinfo(img.dtype).min, np.iinfo(img.dtype).max)
        results['img'] = changed.astype(img.dtype)
        return results

    def __repr__(self) -> str:
        contrast_range = self.lowest, self.highest
        return f'{type(self).__name__}(brightness_delta={self.brightness_delta}, {contrast_range=})'
