"""Data sets and their loading; importing this registers them."""

from mmseg_vitseg.datasets.cached import CachedFeatures
from mmseg_vitseg.datasets.camvid import CamVidDataset
from mmseg_vitseg.datasets.load_image import LoadImage
from mmseg_vitseg.datasets.load_mask import LoadMask
from mmseg_vitseg.datasets.multispectral_shapes import MultispectralShapesDataset
from mmseg_vitseg.datasets.pet import OxfordPetDataset
from mmseg_vitseg.datasets.photometric import PhotoMetricDistortion, RandomBrightnessContrast
from mmseg_vitseg.datasets.shapes import ShapesDataset

__all__ = [
    'CachedFeatures',
    'CamVidDataset',
    'LoadImage',
    'LoadMask',
    'MultispectralShapesDataset',
    'OxfordPetDataset',
    'PhotoMetricDistortion',
    'RandomBrightnessContrast',
    'ShapesDataset',
]
