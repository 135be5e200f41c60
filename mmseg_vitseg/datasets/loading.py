"""Loading images and masks with errors that name the file: the host's transforms, which let some damage pass.

OpenCV fills a truncated JPEG with grey and says nothing to the caller; Pillow, used here, refuses it.
"""

import io
from collections.abc import Sequence

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image, UnidentifiedImageError

from mmseg_vitseg.errors import first_line
from mmseg_vitseg.registry import TRANSFORMS

EIGHT_BIT = ('1', 'L', 'P', 'RGB', 'RGBA')  # the host would take wider values modulo 256
WIDE = ('I', 'F')  # the modes, or their beginnings, of pixels that the host would cut off at 255


@TRANSFORMS.register_module()
class LoadImage(LoadImageFromFile):
    """The host's LoadImageFromFile: ``img``, (H, W, 3) BGR uint8. A file that cannot be decoded whole is an error.

    Raises:
        FileNotFoundError, ValueError: with the file's name.
    """

    def __init__(self, *, imdecode_backend: str = 'pillow', **kwargs):
        super().__init__(imdecode_backend=imdecode_backend, **kwargs)

    def transform(self, results: dict) -> dict:
        """Add ``img``, ``img_shape`` and ``ori_shape`` to the results."""
        path = results['img_path']
        try:
            if self.imdecode_backend == 'pillow':
                content = fileio.get(path, backend_args=self.backend_args)
                with Image.open(io.BytesIO(content)) as file:
                    if file.mode.startswith(WIDE):
                        raise ValueError(f'pixels of mode {file.mode}, more than 8 bits; convert it to 8 bits')
            return super().transform(results)
        except FileNotFoundError as error:
            raise FileNotFoundError(f'{path}: no such image; it was there when the data set was read') from error
        except (OSError, ValueError, SyntaxError, AssertionError) as error:
            raise ValueError(
                f'{path}: not an image, or damaged ({reason(error)}); fetch it again or take it off the split'
            ) from error


@TRANSFORMS.register_module()
class LoadMask(LoadAnnotations):
    """The host's LoadAnnotations: ``gt_seg_map``, (H, W) uint8, checked against its image and against known values.

    Args:
        values: what may stand in the file, before ``reduce_zero_label``; None for any value.
        void: the value, in the file, of pixels without a class; it becomes 255, which losses and scores ignore.
        kwargs: the host's.

    Raises:
        FileNotFoundError, ValueError: with the file's name: missing, damaged, of another size than its image, of other
            values.
    """

    def __init__(self, *, values: Sequence[int] | None = None, void: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.values = values
        self.void = void

    def _load_seg_map(self, results: dict) -> None:
        path = results['seg_map_path']
        try:
            content = fileio.get(path, backend_args=self.backend_args)
            with Image.open(io.BytesIO(content)) as file:
                if file.mode not in EIGHT_BIT:
                    raise ValueError(f'pixels of mode {file.mode}, masks have 8 bits')
                if 1 in file.size:
                    raise ValueError('a side of one pixel, of which the host makes no mask')
                is_void = None if self.void is None else np.array(file) == self.void
            super()._load_seg_map(results)
        except FileNotFoundError as error:
            raise FileNotFoundError(f'{path}: no such mask; it was there when the data set was read') from error
        except (OSError, ValueError, SyntaxError, AttributeError) as error:
            raise ValueError(
                f'{path}: not a mask, or damaged ({reason(error)}); fetch it again or take it off the split'
            ) from error
        mask = results['gt_seg_map']
        if mask.shape != tuple(results['ori_shape']):
            raise ValueError(
                f'{path}: the mask is {" x ".join(map(str, mask.shape))}, its image {results["img_path"]} '
                f'{" x ".join(map(str, results["ori_shape"]))} (height x width); a mask has one value a pixel of its image'
            )
        if self.values is not None:
            self._check_values(mask, self.values, results)
        if is_void is not None:
            mask[is_void] = 255

    def _check_values(self, mask: np.ndarray, values: Sequence[int], results: dict) -> None:
        shift = 1 if self.reduce_zero_label else 0
        label_map = results.get('label_map') or {}
        counts = np.bincount(mask.ravel(), minlength=256)
        counts[[label_map.get(value - shift, value - shift) for value in values]] = 0
        # reduce_zero_label makes 255 of both 0 and 255
        found = ['0 or 255' if shift and label == 255 else str(label + shift) for label in np.flatnonzero(counts)]
        if found:
            raise ValueError(
                f'{results["seg_map_path"]}: the mask has the value {", ".join(found)}; allowed: '
                f'{", ".join(map(str, values))}. Fetch the file again, or convert your masks to these values'
            )


def reason(error: Exception) -> str:
    """Say why a picture could not be read; Pillow itself would name an object in memory."""
    return 'of no format that is known' if isinstance(error, UnidentifiedImageError) else first_line(error)
