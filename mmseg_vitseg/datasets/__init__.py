"""Data sets and their loading; importing this registers them."""

from mmseg_vitseg.datasets.camvid import CamVidDataset
from mmseg_vitseg.datasets.loading import LoadImage, LoadMask
from mmseg_vitseg.datasets.pet import OxfordPetDataset
from mmseg_vitseg.datasets.shapes import ShapesDataset

__all__ = ['CamVidDataset', 'LoadImage', 'LoadMask', 'OxfordPetDataset', 'ShapesDataset']
