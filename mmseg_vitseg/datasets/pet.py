"""Oxford-IIIT Pet (Parkhi et al., CVPR 2012): photographs of cats and dogs with trimaps."""

from pathlib import Path

from mmseg.datasets import BaseSegDataset

from mmseg_vitseg.registry import DATASETS

TRIMAP_VALUES = (1, 2, 3)  # pet, background, border


@DATASETS.register_module()
class OxfordPetDataset(BaseSegDataset):
    """The official layout: ``images/NAME.jpg``, ``annotations/trimaps/NAME.png``, ``annotations/{trainval,test}.txt``.

    Trimap values 1, 2, 3 become the classes pet, background, border (0, 1, 2). Load masks with
    ``dict(type='mmseg_vitseg.LoadMask', values=(1, 2, 3))``: it refuses any other value.

    Args:
        data_root: the folder that holds ``images`` and ``annotations``.
        ann_file: the split file, in ``data_root``; the first word of a line is a NAME, ``#`` starts a comment.
        data_prefix: folders of images and masks in ``data_root``.
        kwargs: the host's BaseSegDataset's.

    Raises:
        FileNotFoundError: the root, the split file, an image or a mask is missing.
        ValueError: the split file is no text or empty, names a file twice or names one outside of the folders.
    """

    METAINFO = dict(
        classes=('pet', 'background', 'border'),
        palette=[[230, 120, 30], [40, 60, 90], [250, 240, 200]],
    )

    def __init__(
        self,
        *,
        data_root: str,
        ann_file: str = 'annotations/trainval.txt',
        data_prefix: dict = dict(img_path='images', seg_map_path='annotations/trimaps'),
        **kwargs,
    ):
        super().__init__(
            data_root=data_root,
            ann_file=ann_file,
            data_prefix=data_prefix,
            img_suffix='.jpg',
            seg_map_suffix='.png',
            reduce_zero_label=True,
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        """List the split's pairs of image and mask, every file of which exists."""
        if not Path(self.data_root).is_dir():
            raise FileNotFoundError(
                f'OxfordPetDataset: no folder {self.data_root!r}. Point PET_ROOT at the folder that holds images/ and '
                f'annotations/, or fetch the data: python tools/prepare_pet.py --out {self.data_root}'
            )
        pairs = []
        for number, name in self._read_split():
            image = Path(self.data_prefix['img_path'], f'{name}{self.img_suffix}')
            mask = Path(self.data_prefix['seg_map_path'], f'{name}{self.seg_map_suffix}')
            for path in (image, mask):
                if not path.is_file():
                    raise FileNotFoundError(
                        f'{path}: missing, but line {number} of {self.ann_file} names it; '
                        + (
                            f'write {Path(name).stem!r}, names are without suffixes'
                            if Path(name).suffix in (self.img_suffix, self.seg_map_suffix)
                            else f'fetch it again or take {name!r} off the split'
                        )
                    )
            pairs.append(
                dict(
                    img_path=str(image),
                    seg_map_path=str(mask),
                    label_map=self.label_map,
                    reduce_zero_label=self.reduce_zero_label,
                    seg_fields=[],
                )
            )
        return pairs

    def _read_split(self) -> list[tuple[int, str]]:
        """Return (number of the line, name) for each image."""
        split = Path(self.ann_file)
        if not split.is_file():
            raise FileNotFoundError(
                f'{split}: no such split file; the data set has annotations/trainval.txt and annotations/test.txt'
            )
        try:
            text = split.read_text(encoding='utf-8-sig')  # Windows' editors put a mark before the first name
        except UnicodeDecodeError as error:
            raise ValueError(f'{split}: not a text file in UTF-8 ({error.reason}); save it as UTF-8') from error
        lines = enumerate((line.split('#')[0].split() for line in text.splitlines()), 1)
        names = [(number, words[0]) for number, words in lines if words]
        if not names:
            raise ValueError(f'{split}: names no image; each line starts with a file name without its suffix')
        seen = set()
        for number, name in names:
            if name in seen:
                raise ValueError(f'{split}: names {name!r} twice; take line {number} out')
            if Path(name).name != name or '\\' in name:
                raise ValueError(
                    f'{split}: {name!r} is not a plain file name (line {number}); names may not lead to other folders'
                )
            seen.add(name)
        return names
