"""Loading masks with errors that name the file: the host's transform, which takes much for labels that is none."""

from collections.abc import Iterable, Mapping, Sequence

import mmcv
import numpy as np
from mmengine import fileio
from mmseg.datasets.transforms import LoadAnnotations
from PIL import UnidentifiedImageError

from mmseg_vitseg.datasets.coco_masks import CocoMasks
from mmseg_vitseg.datasets.load_image import MISSING, why_unreadable
from mmseg_vitseg.datasets.mask_arguments import colour_table, value_table
from mmseg_vitseg.datasets.mask_colours import Colour
from mmseg_vitseg.datasets.mask_tables import ColourTable, Names, look_up
from mmseg_vitseg.datasets.masks import (
    TIFF,
    NoMaskError,
    decode_colours,
    decode_mask,
    label_table,
    nodata_of,
    of_channels,
    read_raster,
    to_bytes,
    whole_numbers,
)
from mmseg_vitseg.datasets.rasters import FileError
from mmseg_vitseg.datasets.reader import MASK_PATH
from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.registry import TRANSFORMS


@TRANSFORMS.register_module(name=['LoadMask', 'LoadAnnotations'])
class LoadMask(LoadAnnotations):
    """The host's LoadAnnotations: ``gt_seg_map``, (H, W) uint8, checked against its image and against known values.

    Masks of 1 or 8 bits, palettes (their indices), whole numbers of more bits where ``values`` names those above 255, and
    colours where ``colors`` does: PNG, TIFF and whatever Pillow reads, NPY. JPEGs are refused, and what is no mask: the host
    takes it for labels. What a TIFF's no-data tag names is ignored, unless ``values`` names it.

    Args:
        values: what may stand in the file; None for any value of 8 bits. A dict says what label each stands for, or by name
            what stands for each class: ``{0: 0, 255: 1}`` for an object drawn in white, ``{'road': 7, 'car': [26, 27]}``.
            The name of a registered data set, ``'CityscapesDataset'``, stands for its classes in their order.
        colors: the same of colours, ``{'road': (128, 64, 128), 'car': '#00008e'}``, by name or label; a list of them, in the
            order of the labels; or the name of a registered data set, for its palette.
        void: the value or colour, or several, of pixels without a class; they become 255, which losses and scores ignore.
        classes: where ``values`` or ``colors`` have names: the data set's classes, in the order of their labels. These are
            final: neither ``reduce_zero_label`` nor the host's choice of classes by ``metainfo`` is applied.
        merge: name -> one of ``classes``, or None for what is ignored; ``'*'`` stands for all others.
        coco: instead of files of masks, a COCO json, whose categories are names; small objects are drawn over large ones.
        background: with ``coco``, what pixels without an annotation are: one of ``classes``, or 255, which is ignored.
        kwargs: the host's.

    Raises:
        FileNotFoundError, ValueError: with the file's name: missing, damaged, no mask, of another size than its image, of
            other values or colours.
    """

    reduce_zero_label: bool | None

    def __init__(
        self,
        *,
        values: Sequence[int] | Names | str | None = None,
        colors: Names | Sequence[Colour] | str | None = None,
        void: int | Colour | Iterable[int] | Iterable[Colour] | None = None,
        classes: Sequence[str] | None = None,
        merge: Mapping[str, str | None] = {},
        coco: str | None = None,
        background: str | int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        try:
            if sum(given is not None for given in (values, colors, coco)) > 1:
                raise ValueError('values, colors, coco: more than one is given; a mask is read in one way')
            if (coco is None) != (background is None) or (coco and void is not None):
                raise ValueError('background is for coco, and needed there; void is for values and colors')
            if colors is not None and self.imdecode_backend != 'pillow':
                raise ValueError(f"colors with imdecode_backend={self.imdecode_backend!r}; allowed: 'pillow'")
            self.coco = CocoMasks(coco, classes, merge, background, self.backend_args) if coco else None
            self.table = (
                None
                if coco
                else value_table(values, void, classes, merge)
                if colors is None
                else colour_table(colors, void, classes, merge)
            )
        except ValueError as error:
            raise ValueError(f'{type(self).__name__}: {error}') from error
        self.classes = classes
        self.named = () if values is None or self.table is None else self.table.keys  # whatever a file says of no data

    def _load_seg_map(self, results: dict) -> None:
        results['gt_seg_map'] = self._looked_up(results) if self.coco is None else self._drawn(self.coco, results)
        if 'nodata' in results:  # LoadImage's: where its picture has no data
            results['gt_seg_map'][results['nodata']] = IGNORED
        results['seg_fields'].append('gt_seg_map')

    def _drawn(self, coco: CocoMasks, results: dict) -> np.ndarray:
        if 'reduce_zero_label' not in results:  # a file alone, which is of no data set
            raise KeyError(MASK_PATH)  # the tools go on without this step
        self._choice(results)
        mask = coco.draw(results['img_path'])
        _check_size(coco.path, mask, results)
        return mask

    def _looked_up(self, results: dict) -> np.ndarray:
        path = results[MASK_PATH]
        mask, missing = self._read(path)
        _check_size(path, mask, results)
        labels = label_table(*self._choice(results))
        if self.table is not None:
            places = self.table.places(mask)
            if not places.all():
                unknown = (places == 0) if missing is None else (places == 0) & ~missing
                if unknown.any():
                    raise ValueError(f'{path}: {self.table.refusal(mask, unknown)}')
            mask, labels = places, labels[self.table.labels]
        found = look_up(labels, mask)
        if missing is not None:
            found[missing] = IGNORED
        return found

    def read(self, path: str) -> np.ndarray:
        """Return what stands in a file: (H, W), or of several channels (H, W, C); not yet changed, nor checked.

        uint8, or of more bits where ``values`` are; of colours their numbers (see mask_colours.py).
        """
        return self._read(path)[0]

    def _read(self, path: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Return that, and where the file says that there is no data, (H, W) bool; None: nowhere."""
        try:
            content = fileio.get(path, backend_args=self.backend_args)
            if isinstance(self.table, ColourTable):
                return decode_colours(content), None
            mask, kind, nodata = self._stored(path, content)
            missing = None
            if nodata is not None and nodata not in self.named:
                missing = mask == nodata
                mask = np.where(missing, 0, mask)  # of any number of bits
            return (whole_numbers if self.table is not None and self.table.wide else to_bytes)(mask, kind), missing
        except FileNotFoundError as error:
            raise FileNotFoundError(f'{path}: {MISSING.format("mask")}') from error
        except FileError:
            raise
        except NoMaskError as error:
            raise ValueError(f'{path}: {error}') from error
        except (OSError, ValueError, SyntaxError, AttributeError) as error:
            raise ValueError(
                f'{path}: not a mask, or damaged ({why_unreadable(error)}); fetch it again or take it off the split'
            ) from error

    def _stored(self, path: str, content: bytes) -> tuple[np.ndarray, str, float | None]:
        """Return a file's values, what kind of pixels they are, and the value that it says is no data."""
        if self.imdecode_backend == 'pillow':
            try:
                return *decode_mask(content), nodata_of(content)
            except UnidentifiedImageError:
                if not content.startswith(TIFF):
                    raise
                return read_raster(path, self.backend_args)
        mask = mmcv.imfrombytes(content, flag='unchanged', backend=self.imdecode_backend).squeeze()
        if mask.ndim == 3 and mask.shape[2] > 2:  # BGR
            mask[..., :3] = mask[..., 2::-1].copy()
        return mask, f'type {mask.dtype}', None

    def _choice(self, results: dict) -> tuple[bool, dict[int, int] | None]:
        """Return ``reduce_zero_label``, the step's or the data set's, which must agree, and the data set's ``label_map``."""
        own, given = self.reduce_zero_label, results['reduce_zero_label']
        if own is not None and own != given:
            raise ValueError(
                f'reduce_zero_label is {own} in {type(self).__name__} and {given} in the data set; give it to the data set '
                'alone'
            )
        if not self.classes:
            return given, results.get('label_map')
        if given:
            raise ValueError(
                f'reduce_zero_label=True in the data set, and {type(self).__name__} has classes, which number the labels; '
                'leave it out'
            )
        return False, None


def _check_size(path: str, mask: np.ndarray, results: dict) -> None:
    """Refuse a mask that is not of the size of its image."""
    size = tuple(results.get('ori_shape', mask.shape[:2]))
    if mask.shape != size:
        cause = of_channels(mask) if mask.ndim == 3 else None
        raise ValueError(
            f'{path}: the mask is {" x ".join(map(str, mask.shape))}, its image {results.get("img_path")} '
            f'{" x ".join(map(str, size))} (height x width); a mask has one value a pixel of its image'
            + (f': these are {cause}' if cause else '')
        ) from cause
