"""CamVid (Brostow et al., 2008): road scenes from a moving car, in the 11-class form of the SegNet tutorial."""

from collections.abc import Sequence
from pathlib import Path

from mmseg.datasets import BaseSegDataset

from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.registry import DATASETS

VOID = 11  # the label of pixels without a class


@DATASETS.register_module()
class CamVidDataset(BaseSegDataset):
    """Index masks of the same names as the images: ``images/{train,val}/NAME.jpg``, ``annotations/{train,val}/NAME.png``.

    Void pixels, 11 in the masks, are ignored. Load masks with ``dict(type='mmseg_vitseg.LoadMask', values=range(12))``: it
    refuses any other value.

    Args:
        data_root: the folder that holds ``images`` and ``annotations``.
        data_prefix: folders of images and masks in ``data_root``.
        kwargs: the host's BaseSegDataset's.

    Raises:
        FileNotFoundError: the folder of images or a mask is missing.
    """

    METAINFO = dict(
        classes=(
            'sky',
            'building',
            'pole',
            'road',
            'pavement',
            'tree',
            'sign',
            'fence',
            'car',
            'pedestrian',
            'bicyclist',
        ),
        palette=[
            [128, 128, 128],
            [128, 0, 0],
            [192, 192, 128],
            [128, 64, 128],
            [0, 0, 192],
            [128, 128, 0],
            [192, 128, 128],
            [64, 64, 128],
            [64, 0, 128],
            [64, 64, 0],
            [0, 128, 192],
        ],
    )

    def __init__(
        self,
        *,
        data_root: str,
        data_prefix: dict = dict(img_path='images/train', seg_map_path='annotations/train'),
        **kwargs,
    ):
        super().__init__(
            data_root=data_root, data_prefix=data_prefix, img_suffix='.jpg', seg_map_suffix='.png', **kwargs
        )

    @classmethod
    def get_label_map(cls, new_classes: Sequence[str] | None = None) -> dict[int, int]:
        """Return what becomes of the labels: those of classes that are left out, and void, become 255."""
        return {**(super().get_label_map(new_classes) or {}), VOID: IGNORED}

    def load_data_list(self) -> list[dict]:
        """List the pairs of image and mask, every file of which exists."""
        folder = Path(self.data_prefix['img_path'])
        pairs = super().load_data_list() if folder.is_dir() else []
        if not pairs:
            raise FileNotFoundError(
                f'CamVidDataset: no *{self.img_suffix} in {str(folder)!r}. Point CAMVID_ROOT at the folder that holds '
                'images/{train,val}/*.jpg and annotations/{train,val}/*.png'
            )
        for pair in pairs:
            if not Path(pair['seg_map_path']).is_file():
                raise FileNotFoundError(f'{pair["seg_map_path"]}: missing, the mask of {pair["img_path"]}')
        return pairs
