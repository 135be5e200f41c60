"""Loading images with errors that name the file: the host's transform, which lets some damage pass.

OpenCV fills a truncated JPEG with grey and says nothing to the caller; Pillow, used here, refuses it.
"""

import io

from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from PIL import Image, UnidentifiedImageError

from mmseg_vitseg.errors import first_line
from mmseg_vitseg.registry import TRANSFORMS

WIDE = ('I', 'F')  # the modes, or their beginnings, of pixels that the host would cut off at 255
MISSING = (
    'no such {}, which its data set names: it is gone since, or a line of the split file or a suffix is wrong; '
    'tools/check_config.py CONFIG --data says more'
)


# Under the host's name too, with _scope_='mmseg_vitseg': the host's inference looks for steps of these names.
@TRANSFORMS.register_module(name=['LoadImage', 'LoadImageFromFile'])
class LoadImage(LoadImageFromFile):
    """The host's LoadImageFromFile: ``img``, (H, W, 3) BGR uint8. A file that cannot be decoded whole is an error.

    Raises:
        FileNotFoundError, ValueError: with the file's name.
    """

    def __init__(self, *, imdecode_backend: str = 'pillow', **kwargs):
        super().__init__(imdecode_backend=imdecode_backend, **kwargs)

    def transform(self, results: dict) -> dict | None:
        """Add ``img``, ``img_shape`` and ``ori_shape`` to the results; None for no image, where the host is told to."""
        path = results['img_path']
        try:
            if self.imdecode_backend == 'pillow' and self.color_type != 'unchanged' and not self.file_client_args:
                self._refuse_wide(path)
            return super().transform(results)
        except (OSError, ValueError, SyntaxError, AssertionError) as error:
            if self.ignore_empty:
                return None
            if isinstance(error, FileNotFoundError):
                raise FileNotFoundError(f'{path}: {MISSING.format("image")}') from error
            if isinstance(error, WideError):
                raise ValueError(f'{path}: {error}') from error
            raise ValueError(
                f'{path}: not an image, or damaged ({why_unreadable(error)}); fetch it again or take it off the split'
            ) from error

    def _refuse_wide(self, path: str) -> None:
        with Image.open(io.BytesIO(fileio.get(path, backend_args=self.backend_args))) as file:
            if file.mode.startswith(WIDE):
                raise WideError(
                    f'pixels of mode {file.mode}, more than 8 bits; convert it to 8 bits, or read it as it is: '
                    "color_type='unchanged'"
                )


class WideError(ValueError):
    """A picture of more than 8 bits a channel."""


def why_unreadable(error: Exception) -> str:
    """Say why a picture could not be read; Pillow itself would name an object in memory."""
    return 'of no format that is known' if isinstance(error, UnidentifiedImageError) else first_line(error)
