"""Reading masks: one label a pixel. A picture that is none is refused with what it is and how to make one of it."""

import io
import re

import numpy as np
from PIL import Image

# Recipes in Python, with numpy as np and Pillow's Image; f is a file of masks.
ONE_CHANNEL = 'keep one channel: Image.open(f).getchannel(0).save(f)'
SIXTEEN_BITS = "keep one channel of 8 bits: cv2.imwrite(f, cv2.imread(f, cv2.IMREAD_UNCHANGED)[..., 0].astype('uint8'))"
OF_COLOURS = (
    "give each its class: a = np.array(Image.open(f).convert('RGB')); m = np.full(a.shape[:2], 255, 'uint8'); "
    'm[(a == COLOUR).all(-1)] = INDEX for each; Image.fromarray(m).save(f)'
)
OF_JPEG = (
    'save masks as PNG, each pixel rounded to its nearest label; of two classes: '
    "Image.fromarray((np.array(Image.open(f).convert('L')) > 127).astype('uint8')).save(PNG)"
)
OF_VALUES = "give each value its class: m = np.full(a.shape, 255, 'uint8'); m[a == VALUE] = INDEX for each"


class NoMaskError(ValueError):
    """A whole picture that is no map of labels.

    Args:
        what: it is.
        fix: how to convert it.
    """

    def __init__(self, what: str, fix: str):
        super().__init__(f'{what}; {fix}')
        self.what = what
        self.fix = fix


def decode_mask(content: bytes) -> np.ndarray:
    """Decode a file's content with Pillow: (H, W) uint8, of a palette the indices; (H, W, C) where it has C channels.

    Raises:
        NoMaskError: labels cannot be had from such a file.
        OSError, ValueError, SyntaxError: it is damaged, or of no format that Pillow knows.
    """
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
        return to_bytes(np.array(file), f'mode {file.mode}')


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
    found = np.unique(colours.reshape(-1, 3), axis=0)
    listed = ', '.join(str(tuple(one)) for one in found[:3].tolist())
    return NoMaskError(f'{len(found)} colours, {listed}{", ..." if len(found) > 3 else ""}', OF_COLOURS)


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
