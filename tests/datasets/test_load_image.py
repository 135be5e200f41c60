"""LoadImage without bands: the host's pixels, in one piece."""

import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile, Resize
from PIL import Image

from mmseg_vitseg.datasets.load_image import LoadImage


@pytest.fixture(params=['RGB', 'L', 'LA', 'RGBA', 'P', 'CMYK', 'turned'])
def path(request, tmp_path):
    """A picture of a mode, or one with an EXIF orientation."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (21, 34, 4), np.uint8), 'RGBA')
    path, arguments = tmp_path / 'picture.png', {}
    if request.param == 'turned':
        arguments['exif'] = exif = Image.Exif()
        exif[0x0112] = 6  # a quarter
        picture = noise.convert('RGB')
    elif request.param == 'CMYK':
        path, picture = tmp_path / 'picture.tif', Image.fromarray(np.array(noise), 'CMYK')
    else:
        picture = (noise if 'A' in request.param else noise.convert('RGB')).convert(request.param)
    picture.save(path, **arguments)
    return str(path)


@pytest.mark.parametrize('to_float32', [False, True])
@pytest.mark.parametrize('color_type', ['color', 'grayscale', 'unchanged', 'color_ignore_orientation'])
def test_host_pixels_in_one_piece(path, color_type, to_float32):
    arguments = dict(imdecode_backend='pillow', color_type=color_type, to_float32=to_float32)
    expected, found = (step(**arguments)(dict(img_path=path)) for step in (LoadImageFromFile, LoadImage))
    assert found['img'].dtype == expected['img'].dtype
    assert np.array_equal(found['img'], expected['img'])
    assert found['img'].flags.c_contiguous
    assert {**found, 'img': 0} == {**expected, 'img': 0}
    if found['img'].ndim == 3 and found['img'].shape[2] != 2:
        resized = (Resize(scale=(17, 11))(dict(loaded))['img'] for loaded in (expected, found))
        assert np.array_equal(*resized)
