"""Reading masks: one label a pixel. A picture that is none is refused with what it is and how to make one of it."""

import contextlib
import io
import re
from collections.abc import Iterator

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from mmseg_vitseg.datasets.mask_colours import colour_of, numbers_of
from mmseg_vitseg.datasets.rasters import open_raster

# Recipes in Python, with numpy as np and Pillow's Image; f is a file of masks.
ONE_CHANNEL = 'keep one channel, in Python: Image.open(f).getchannel(0).save(f)'
SIXTEEN_BITS = (
    "keep one channel of 8 bits, in Python: cv2.imwrite(f, cv2.imread(f, cv2.IMREAD_UNCHANGED)[..., 0].astype('uint8'))"
)
PROPOSED = 'check_config.py CONFIG --data writes the table'
OF_COLOURS = f"give each its class: LoadMask(colors={{'NAME': (R, G, B), ...}}, classes=[...]); {PROPOSED}"
OF_JPEG = (
    'save masks as PNG, each pixel rounded to its nearest label; of two classes, in Python: '
    "Image.fromarray((np.array(Image.open(f).convert('L')) > 127).astype('uint8')).save(PNG)"
)
OF_VALUES = f'give each value its class: LoadMask(values={{VALUE: LABEL, ...}}); {PROPOSED}'
OF_ALPHA = 'make them opaque, or wholly transparent'
TIFF, NPY = (b'II', b'MM'), b'\x93NUMPY'
NODATA = 42113  # GDAL's tag of TIFFs
SAMPLE_FORMAT, UNSIGNED = 339, (1,)  # TIFF's
MOST_SEEN = 1 << 16  # colours or values that an error remembers; a photograph has more


class NoMaskError(ValueError):
    """A whole picture that is no map of labels.

    Args:
        what: it is.
        fix: how to convert it, or to read it.
        seen: colours' numbers, or values, and how many pixels have each.
        colours: it is colours that are seen.
    """

    def __init__(self, what: str, fix: str, seen: dict[int, int] = {}, *, colours: bool = False):
        super().__init__(f'{what}; {fix}')
        self.what = what
        self.fix = fix
        self.seen = seen
        self.colours = colours


def decode_mask(content: bytes) -> tuple[np.ndarray, str]:
    """Decode a file's content: (H, W), of a palette the indices, or of C channels (H, W, C); and what kind of pixels it has.

    Raises:
        NoMaskError: labels cannot be had from such a file.
        OSError, ValueError, SyntaxError: it is damaged, or of no format that is known.
    """
    if content.startswith(NPY):
        values = np.load(io.BytesIO(content), allow_pickle=False).squeeze()
        return values, f'type {values.dtype}'
    with _opened(content) as file:
        values = np.array(file)
        if (
            file.mode == 'I'
            and isinstance(file, TiffImageFile)
            and file.tag_v2.get(SAMPLE_FORMAT, UNSIGNED) == UNSIGNED
        ):
            values = values.view(np.uint32)  # Pillow takes the upper half for negative
        return values, f'mode {file.mode}'


def decode_colours(content: bytes) -> np.ndarray:
    """Decode a file's content as it is seen: the numbers of its colours, (H, W) uint32; see mask_colours.py.

    Raises:
        NoMaskError, OSError, ValueError, SyntaxError: as above; and colours that are half transparent.
    """
    with _opened(content) as file:
        if file.mode.startswith(('I', 'F')):
            raise NoMaskError(f'pixels of mode {file.mode}, which are no colours', OF_VALUES)
        try:
            return numbers_of(np.array(file.convert('RGBA')))
        except ValueError as error:
            raise NoMaskError(str(error), OF_ALPHA) from error


@contextlib.contextmanager
def _opened(content: bytes) -> Iterator[Image.Image]:
    with Image.open(io.BytesIO(content)) as file:
        if file.format in ('JPEG', 'MPO'):
            raise NoMaskError('a JPEG, which blurs labels where they meet', OF_JPEG)
        if (pages := getattr(file, 'n_frames', 1)) > 1:
            raise NoMaskError(f'{pages} pictures in one file', 'save the one that is the mask by itself')
        stored = str([tile[3] for tile in file.tile])  # Pillow's names of what it converts from
        if grey := re.search("'L;([24])", stored):
            raise NoMaskError(f'grey of {grey[1]} bits, which Pillow and others stretch to 255', 'save it with 8 bits')
        if ';16' in stored and len(file.getbands()) > 1:  # of which Pillow keeps the upper 8
            raise NoMaskError(f'{file.mode} of 16 bits a channel', SIXTEEN_BITS)
        if 1 in file.size:
            raise ValueError('a side of one pixel, of which the host makes no mask')
        yield file


def read_raster(path: str, backend_args: dict | None) -> tuple[np.ndarray, str, float | None]:
    """Read a TIFF that Pillow does not know, of 64 bits or LERC, by rasterio: (H, W), its kind, and what is no data.

    Raises:
        NoMaskError: it has several bands.
        FileError: it is damaged, or rasterio is missing.
    """
    with open_raster(path, backend_args=backend_args) as raster:
        if raster.count > 1:
            raise NoMaskError(f'{raster.count} bands', 'save the one that is the mask by itself')
        return raster.dataset.read(1), f'type {raster.dtype}', raster.dataset.nodata


def nodata_of(content: bytes) -> int | None:
    """Return the value that a TIFF's no-data tag names; None where it has none, or no whole number."""
    if not content.startswith(TIFF):
        return None
    with Image.open(io.BytesIO(content)) as file:
        text = str(getattr(file, 'tag_v2', {}).get(NODATA, '')).strip(' \0')
    return int(float(text)) if re.fullmatch(r'[+-]?\d+(\.0*)?', text) else None


def whole_numbers(values: np.ndarray, kind: str) -> np.ndarray:
    """Return values of any type as whole numbers of the same type, or int64 where they were floats.

    Raises:
        NoMaskError: they are not.
    """
    if values.dtype == bool:
        return values.astype(np.uint8)
    if values.dtype.kind in 'iu':
        return values
    if not (np.isfinite(values).all() and (values % 1 == 0).all()):
        raise NoMaskError(f'pixels of {kind}, and not whole numbers, from {values.min()} to {values.max()}', OF_VALUES)
    return values.astype(np.int64)


def to_bytes(values: np.ndarray, kind: str) -> np.ndarray:
    """Return values of any type as uint8, where they are whole numbers from 0 to 255.

    Raises:
        NoMaskError: they are not.
    """
    low, high = values.min(), values.max()
    if values.dtype not in (bool, np.uint8) and not (low >= 0 and high <= 255 and (values % 1 == 0).all()):
        raise NoMaskError(
            f'pixels of {kind}, masks have 8 bits: whole numbers from 0 to 255, and these go from {low} to {high}',
            OF_VALUES,
            _counted(values) if values.dtype.kind in 'iu' else {},
        )
    return values.astype(np.uint8)


def of_channels(mask: np.ndarray) -> NoMaskError:
    """Say what a picture (H, W, C) is that should be a mask."""
    channels = mask.shape[2]
    colours = mask[..., : 3 if channels > 2 else 1]  # and perhaps an alpha channel
    if channels > 4:
        return NoMaskError(f'{channels} channels', 'keep the one that has the indices')
    if (colours == colours[..., :1]).all():
        alpha = ', one of them alpha' if channels in (2, 4) else ''
        return NoMaskError(f'{channels} channels of the same values{alpha}', ONE_CHANNEL)
    found = np.unique(numbers := numbers_of(colours))
    first = sorted(colour_of(number) for number in found.tolist())[:3]
    what = f'{len(found)} colours, {", ".join(map(str, first))}{", ..." if len(found) > 3 else ""}'
    return NoMaskError(what, OF_COLOURS, _counted(numbers), colours=True)


def _counted(values: np.ndarray) -> dict[int, int]:
    """Return how many pixels have each value; nothing where there are too many values for classes."""
    found, counts = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True)) if len(found) <= MOST_SEEN else {}


def label_table(reduce_zero_label: bool, label_map: dict[int, int] | None) -> np.ndarray:
    """Return what the host makes of each value of a mask: (256,), uint8.

    Args:
        reduce_zero_label: 0 becomes 255, which is ignored, and 255 stays; each other value becomes one less.
        label_map: then, these labels become those.
    """
    table = np.arange(256, dtype=np.uint8)
    if reduce_zero_label:
        table[1:-1] -= 1
        table[0] = 255
    changed = table.copy()
    for old, new in (label_map or {}).items():
        changed[table == old] = new
    return changed
