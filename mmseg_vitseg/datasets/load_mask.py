"""Loading masks with errors that name the file: the host's transform, which takes much for labels that is none."""

from collections.abc import Sequence

import mmcv
import numpy as np
from mmengine import fileio
from mmseg.datasets.transforms import LoadAnnotations

from mmseg_vitseg.datasets.load_image import MISSING, why_unreadable
from mmseg_vitseg.datasets.masks import NoMaskError, decode_mask, label_table, of_channels, to_bytes
from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.registry import TRANSFORMS


@TRANSFORMS.register_module(name=['LoadMask', 'LoadAnnotations'])
class LoadMask(LoadAnnotations):
    """The host's LoadAnnotations: ``gt_seg_map``, (H, W) uint8, checked against its image and against known values.

    Masks of 1 or 8 bits, palettes (their indices), and of 16 or 32 bits with values up to 255. Colours, several channels
    and JPEGs are refused: the host takes them for labels.

    Args:
        values: what may stand in the file, before ``reduce_zero_label``; None for any value. A dict says what label each
            stands for: ``{0: 0, 255: 1}`` for an object drawn in white.
        void: the value, in the file, of pixels without a class; it becomes 255, which losses and scores ignore.
        kwargs: the host's.

    Raises:
        FileNotFoundError, ValueError: with the file's name: missing, damaged, no mask, of another size than its image, of
            other values.
    """

    reduce_zero_label: bool | None

    def __init__(self, *, values: Sequence[int] | dict[int, int] | None = None, void: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.values = values
        self.void = void

    def _load_seg_map(self, results: dict) -> None:
        path = results['seg_map_path']
        mask = self.read(path)
        size = tuple(results.get('ori_shape', mask.shape[:2]))
        if mask.shape != size:
            cause = of_channels(mask) if mask.ndim == 3 else None
            raise ValueError(
                f'{path}: the mask is {" x ".join(map(str, mask.shape))}, its image {results.get("img_path")} '
                f'{" x ".join(map(str, size))} (height x width); a mask has one value a pixel of its image'
                + (f': these are {cause}' if cause else '')
            ) from cause
        if self.values is not None:
            self._check_values(path, mask, list(self.values))
        table = label_table(self._reduces(results), results.get('label_map'))
        if isinstance(self.values, dict):
            table = table[[self.values.get(value, value) for value in range(256)]]
        if self.void is not None:
            table[self.void] = IGNORED
        results['gt_seg_map'] = table[mask]
        if 'nodata' in results:  # LoadImage's: where its picture has no data
            results['gt_seg_map'][results['nodata']] = IGNORED
        results['seg_fields'].append('gt_seg_map')

    def read(self, path: str) -> np.ndarray:
        """Return what stands in a file: (H, W), or of several channels (H, W, C), uint8; not yet changed, nor checked."""
        try:
            content = fileio.get(path, backend_args=self.backend_args)
            if self.imdecode_backend == 'pillow':
                return decode_mask(content)
            mask = mmcv.imfrombytes(content, flag='unchanged', backend=self.imdecode_backend)
            return to_bytes(mask.squeeze(), f'type {mask.dtype}')
        except FileNotFoundError as error:
            raise FileNotFoundError(f'{path}: {MISSING.format("mask")}') from error
        except NoMaskError as error:
            raise ValueError(f'{path}: {error}') from error
        except (OSError, ValueError, SyntaxError, AttributeError) as error:
            raise ValueError(
                f'{path}: not a mask, or damaged ({why_unreadable(error)}); fetch it again or take it off the split'
            ) from error

    def _reduces(self, results: dict) -> bool:
        """Return ``reduce_zero_label``, the step's or the data set's, which must agree."""
        own, given = self.reduce_zero_label, results['reduce_zero_label']
        if own is not None and own != given:
            raise ValueError(
                f'reduce_zero_label is {own} in {type(self).__name__} and {given} in the data set; give it to the data set '
                'alone'
            )
        return given

    @staticmethod
    def _check_values(path: str, mask: np.ndarray, values: Sequence[int]) -> None:
        counts = np.bincount(mask.ravel(), minlength=256)
        counts[list(values)] = 0
        if counts.any():
            raise ValueError(
                f'{path}: the mask has the value {", ".join(map(str, np.flatnonzero(counts)))}; allowed: '
                f'{", ".join(map(str, values))}. Fetch the file again, or convert your masks to these values'
            )
