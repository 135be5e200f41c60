"""Files of bands that are no pictures, or not the data set's: each one line with the file, what it is, and what to do."""

import sys
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmseg_vitseg.datasets.bands import BandRule
from mmseg_vitseg.datasets.load_image import LoadImage
from mmseg_vitseg.datasets.reader import Reader
from vitseg_tests.rasters import write_tiff

pytest.importorskip('rasterio', reason='rasterio is not installed; it comes with the extra [geo]')
PICTURE = np.random.default_rng(0).integers(0, 9000, (40, 50, 6), np.uint16)


def sound(path: Path) -> None:
    write_tiff(path, PICTURE)


def truncated(path: Path) -> None:
    write_tiff(path, PICTURE, tiled=True, blockxsize=16, blockysize=16, compress='deflate')
    path.write_bytes(path.read_bytes()[:-5000])


def pages_of_sizes(path: Path) -> None:
    pages = [Image.fromarray(PICTURE[:height, :, 0]) for height in (40, 20, 10)]
    pages[0].save(path, save_all=True, append_images=pages[1:])


def pages_of_colours(path: Path) -> None:
    cv2.imwritemulti(str(path), [PICTURE[..., :3], PICTURE[..., :3]])


def arrays(path: Path) -> None:
    np.savez(path, one=PICTURE, two=PICTURE)


def palette(path: Path) -> None:
    Image.fromarray(PICTURE[..., 0].astype(np.uint8), 'P').save(path)


def frames(path: Path) -> None:
    first, second = (Image.fromarray((PICTURE[..., i] % 256).astype(np.uint8)) for i in (0, 1))
    first.save(path, save_all=True, append_images=[second])


DAMAGED = 'not (an image|a picture), or damaged'
REFUSED = [
    ('a.tif', truncated, {}, DAMAGED + '.*a.tif, band .: IReadBlock failed'),
    ('a.tif', pages_of_sizes, {}, '3 pages, 1 x 40 x 50 uint16, 1 x 20 x 50 .* all are of one size: save the picture by'),
    ('a.tif', pages_of_colours, {}, '2 pages, 3 x 40 x 50 uint16'),
    ('a.tif', sound, dict(bands=(1, 7)), 'bands=.1, 7., and the file has 6 bands: no band 7'),
    ('a.npy', lambda path: np.save(path, PICTURE), dict(bands=(1, 7)), 'no band 7; they are numbered from 1'),
    ('a.tif', lambda path: write_tiff(path, PICTURE.astype(np.complex64)), {}, 'values of complex64; .* real numbers'),
    ('a.npy', lambda path: np.save(path, PICTURE.astype(complex)), {}, 'values of complex128; .* save the magnitude'),
    ('a.npy', lambda path: np.save(path, PICTURE.astype(str)), {}, 'values of <U'),
    ('a.npy', lambda path: np.save(path, PICTURE.astype(object)), {}, DAMAGED + '.*Object arrays'),
    ('a.npy', lambda path: np.save(path, PICTURE[0, 0]), {}, r'an array of \(6,\); pictures are \(H, W\), or \(H, W, C\)'),
    ('a.npy', lambda path: np.save(path, np.zeros((3, 20, 257))), {}, r'257 bands, of at most 256; is it \(C, H, W\)'),
    ('a.npz', arrays, {}, '2 arrays in one file'),
    ('a.npy', lambda path: path.write_bytes(b'\x93NUMPY'), {}, DAMAGED),
    ('a.tif', sound, dict(scale=[(0, 1)] * 5), '6 bands, and scale is of 5; give it of one, or of as many bands'),
    ('a.tif', sound, dict(fill=[0, 1]), '6 bands, and fill is of 2'),
    ('a.png', palette, {}, "indices of a palette's colours"),
    ('a.tif', palette, {}, "indices of a palette's colours"),
    ('a.gif', frames, {}, "a palette's|2 pictures in one file"),
    ('a.tif', lambda path: path.write_text('no'), {}, DAMAGED + '.*not recognized'),
    ('a.xyz', lambda path: path.write_text('no'), {}, DAMAGED),
]  # fmt: skip


@pytest.mark.parametrize(('name', 'save', 'arguments', 'words'), REFUSED)
def test_files(tmp_path, name, save, arguments, words):
    save(tmp_path / name)
    step = LoadImage(**{'bands': 'all', **arguments})
    for read in (lambda path: step(dict(img_path=path)), Reader([step]).file):
        with pytest.raises(ValueError, match=words) as raised:
            read(f'{tmp_path}/{name}')
        assert str(raised.value).startswith(f'{tmp_path}/{name}: ')
        assert '\n' not in str(raised.value)
    assert LoadImage(**{'bands': 'all', 'ignore_empty': True, **arguments})(dict(img_path=f'{tmp_path}/{name}')) is None


@pytest.mark.parametrize('name', ['a.tif', 'a.npy'])
def test_bands_where_colours_are_read(tmp_path, name):
    (sound if name == 'a.tif' else partial(np.save, arr=PICTURE))(tmp_path / name)
    with pytest.raises(ValueError, match=rf"{name}: not an image.* or read its own bands: LoadImage\(bands='all'\)"):
        LoadImage()(dict(img_path=f'{tmp_path}/{name}'))


@pytest.mark.parametrize('name', ['a.tif', 'a.npy', 'a.png'])
def test_a_file_that_is_not_there(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=f'{name}: no such image, which its data set names'):
        LoadImage(bands='all')(dict(img_path=f'{tmp_path}/{name}'))


def test_files_of_several_counts_of_bands(tmp_path):
    for count in (6, 4):
        write_tiff(tmp_path / f'{count}.tif', PICTURE[..., :count])
    step = LoadImage(bands='all')
    step(dict(img_path=f'{tmp_path}/6.tif'))
    with pytest.raises(
        ValueError, match=r'4\.tif: 4 bands, and .*6\.tif has 6; name those that all files have: bands='
    ):
        step(dict(img_path=f'{tmp_path}/4.tif'))
    for count in (6, 4):  # one by one they may have any
        assert Reader([step]).file(f'{tmp_path}/{count}.tif')['img'].shape[2] == count


def test_without_rasterio(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'rasterio', None)
    (tmp_path / 'a.tif').touch()
    with pytest.raises(
        ValueError, match=r'a\.tif: it is read by rasterio, which is not installed: pip install rasterio, or'
    ):
        LoadImage(bands='all')(dict(img_path=f'{tmp_path}/a.tif'))
    np.save(tmp_path / 'a.npy', PICTURE)
    assert np.array_equal(LoadImage(bands='all')(dict(img_path=f'{tmp_path}/a.npy'))['img'], PICTURE)


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (dict(bands=(0, 1)), "bands=.0, 1.; allowed: 'all', or different numbers from 1"),
        (dict(bands=()), 'different numbers'),
        (dict(bands=(1, 1)), 'different numbers'),
        (dict(bands='rgb'), 'different numbers'),
        (dict(scale=(5, 5)), 'low below high'),
        (dict(scale=[(0, 1), (2, 1)]), 'low below high'),
        (dict(scale=(0, float('inf'))), 'low below high'),
        (dict(scale=(2**24, 2**24 + 1)), 'low below high as float32'),  # else 0 / 0 would be NaN
        (dict(bands=(1, 2, 3), scale=[(0, 1)] * 2), 'scale is of 2 bands, and bands=.1, 2, 3. are 3'),
        (dict(bands=(1, 2, 3), fill=(0, 1)), 'fill is of 2 bands'),
        (dict(nodata='none'), "nodata='none'; allowed: a number, 'file'"),
    ],
)
def test_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        BandRule(**arguments)


@pytest.mark.parametrize(
    ('arguments', 'words'),
    [
        (dict(scale=(0, 1)), "with bands='all'"),
        (dict(nodata=0), "with bands='all'"),
        (dict(bands='all', color_type='unchanged'), 'leave out color_type'),
    ],
)
def test_arguments_of_the_step(arguments, words):
    with pytest.raises(ValueError, match=words):
        LoadImage(**arguments)
