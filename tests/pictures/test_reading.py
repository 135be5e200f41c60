"""Pictures of any kind, read as they are meant to be seen."""

import numpy as np
import pytest
from PIL import Image

from mmseg_vitseg.pictures.reading import read_picture, to_display

RGB = np.random.default_rng(0).integers(0, 256, (5, 8, 3), np.uint8)


def saved(tmp_path, array, mode=None, name='x.png', **options):
    Image.fromarray(array, mode).save(tmp_path / name, **options) if mode else Image.fromarray(array).save(
        tmp_path / name, **options
    )
    return tmp_path / name


def test_rgb(tmp_path):
    assert np.array_equal(read_picture(saved(tmp_path, RGB)), RGB)


def test_grey_and_palette(tmp_path):
    grey = RGB[..., 0]
    assert np.array_equal(read_picture(saved(tmp_path, grey)), np.repeat(grey[..., None], 3, 2))
    palette = Image.fromarray(RGB).quantize(4)
    palette.save(tmp_path / 'p.png')
    assert np.array_equal(read_picture(tmp_path / 'p.png'), np.array(palette.convert('RGB')))


def test_transparent_parts_are_white(tmp_path):
    alpha = np.zeros((5, 8, 1), np.uint8)
    alpha[0] = 255
    read = read_picture(saved(tmp_path, np.concatenate([RGB, alpha], 2)))
    assert np.array_equal(read[0], RGB[0])
    assert (read[1:] == 255).all()


def test_sixteen_bits_keep_the_upper_eight(tmp_path):
    deep = RGB[..., 0].astype(np.uint16) * 256 + 17
    assert np.array_equal(read_picture(saved(tmp_path, deep)), np.repeat(RGB[..., :1], 3, 2))


@pytest.mark.parametrize('dtype', [np.int32, np.float32])
def test_thirty_two_bits_have_no_white(tmp_path, dtype):
    with pytest.raises(ValueError, match='32 bits'):
        read_picture(saved(tmp_path, RGB[..., 0].astype(dtype), name='x.tif'))


def test_cmyk(tmp_path):
    Image.fromarray(RGB).resize((64, 64)).convert('CMYK').save(tmp_path / 'x.tif')
    read = read_picture(tmp_path / 'x.tif')
    assert np.array_equal(read, np.array(Image.open(tmp_path / 'x.tif').convert('RGB')))


def test_exif_orientation(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    path = saved(tmp_path, RGB, exif=exif)
    assert np.array_equal(read_picture(path), np.rot90(RGB, -1))


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.fromarray(np.full((4, 4, 3), value, np.uint8)) for value in (0, 255)]
    frames[0].save(tmp_path / 'x.gif', save_all=True, append_images=frames[1:])
    assert (read_picture(tmp_path / 'x.gif') == 0).all()


@pytest.mark.parametrize('content', [b'', b'text with a .jpg name', None], ids=['empty', 'text', 'truncated'])
def test_damaged_files_are_named(tmp_path, content):
    path = saved(tmp_path, np.repeat(RGB, 20, 0), name='x.jpg')
    path.write_bytes(path.read_bytes()[:-400] if content is None else content)
    with pytest.raises(ValueError, match=r'x\.jpg: not a picture, or damaged'):
        read_picture(path)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='no such file'):
        read_picture(tmp_path / 'x.png')


def test_what_is_shown_of_any_bands():
    assert np.array_equal(to_display(RGB, bgr=False), RGB)
    assert np.array_equal(to_display(RGB, bgr=True), RGB[..., ::-1])
    for grey in (RGB[..., 0], RGB[..., :1]):
        assert np.array_equal(to_display(grey, bgr=True), np.repeat(RGB[..., :1], 3, 2))
    assert np.array_equal(to_display(RGB[..., :2], bgr=True)[..., :2], RGB[..., :2])
    five = np.concatenate([RGB, RGB[..., :2]], 2)
    assert np.array_equal(to_display(five, bgr=True), RGB[..., ::-1])
    assert np.array_equal(to_display(RGB.astype(np.float32), bgr=False), RGB)  # 8 bits that were made floats


def test_what_has_not_eight_bits_is_stretched_band_by_band():
    ramp = np.linspace(0, 1, 1000).reshape(20, 50, 1)
    bands = np.concatenate([ramp * 10000, ramp * 100 + 7000, ramp * 0 + 5, ramp], 2)
    drawn = to_display(bands.astype(np.uint16), bgr=False)
    assert drawn.dtype == np.uint8
    assert (drawn.reshape(-1, 3).max(0).tolist(), drawn.reshape(-1, 3).min(0).tolist()) == ([255, 255, 0], [0, 0, 0])
    assert abs(int(drawn[10, 0, 0]) - 128) < 3
    assert np.array_equal(to_display(ramp[..., 0] - 3, bgr=False), to_display(ramp[..., 0] * 9, bgr=False))
    holes = ramp.copy()
    holes[0] = np.nan
    holes[1] = np.inf
    assert (to_display(holes, bgr=False)[:2] == 0).all()
    assert (to_display(holes * np.nan, bgr=False) == 0).all()
    assert to_display(ramp > 0.5, bgr=False)[-1, 0].tolist() == [255] * 3
