"""Pictures of many bands and depths: files that others wrote, read as others read them; scaling, no-data, and errors."""

import warnings

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.fileio import BaseStorageBackend, register_backend
from PIL import Image

from mmseg_vitseg.datasets.bands import BandRule
from mmseg_vitseg.datasets.load_image import LoadImage
from mmseg_vitseg.datasets.rasters import open_raster
from mmseg_vitseg.models.data_preprocessor import SegDataPreProcessor
from vitseg_tests.rasters import write_tiff

rasterio = pytest.importorskip('rasterio', reason='rasterio is not installed; it comes with the extra [geo]')
SIDES = (40, 50)
RNG = np.random.default_rng(0)


def values(bands: int, dtype: str) -> np.ndarray:
    if dtype.startswith('f'):
        return RNG.normal(size=(*SIDES, bands)).astype(dtype)
    low, high = (0, 256) if dtype == 'uint8' else (-3000, 3000) if dtype == 'int16' else (0, 60000)
    return RNG.integers(low, high, (*SIDES, bands)).astype(dtype)


def read(path, **arguments) -> dict:
    return LoadImage(**{'bands': 'all', **arguments})(dict(img_path=str(path)))


LAYOUTS = [
    dict(interleave='pixel'),
    dict(interleave='band'),
    dict(interleave='pixel', blockysize=7),
    dict(interleave='pixel', tiled=True, blockxsize=16, blockysize=16),
    dict(interleave='band', tiled=True, blockxsize=16, blockysize=16),
    dict(compress='deflate', predictor=2),
    dict(compress='lzw'),
    dict(compress='zstd'),
    dict(compress='packbits'),
]


@pytest.mark.parametrize('options', LAYOUTS, ids=str)
def test_tiff_of_any_layout(tmp_path, options):
    array = values(6, 'uint16')
    assert np.array_equal(read(write_tiff(tmp_path / 'a.tif', array, **options))['img'], array)


@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'int16', 'float32'])
@pytest.mark.parametrize('bands', [1, 2, 5, 256])
def test_tiff_and_npy_of_any_bands_and_depth(tmp_path, bands, dtype):
    array = values(bands, dtype)
    np.save(tmp_path / 'a.npy', array)
    np.savez_compressed(tmp_path / 'a.npz', picture=array)
    for file in (write_tiff(tmp_path / 'a.tif', array), tmp_path / 'a.npy', tmp_path / 'a.npz'):
        found = read(file)
        assert found['img'].dtype == dtype
        assert np.array_equal(found['img'], array)
        assert found['img_shape'] == found['ori_shape'] == SIDES


@pytest.mark.parametrize('dtype', ['uint32', 'int32', 'float64', 'int8', 'int64'])
def test_other_dtypes_become_float32(tmp_path, dtype):
    array = values(2, 'uint8').astype(dtype)
    found = read(write_tiff(tmp_path / 'a.tif', array))['img']
    assert found.dtype == np.float32
    assert np.array_equal(found, array.astype(np.float32))


def test_jpeg_in_a_tiff(tmp_path):
    path = write_tiff(tmp_path / 'a.tif', values(3, 'uint8'), compress='jpeg', photometric='rgb')
    assert np.array_equal(read(path)['img'], np.array(Image.open(path)))


@pytest.mark.parametrize(('bands', 'suffix'), [(1, '.png'), (3, '.png'), (4, '.png'), (3, '.tif'), (4, '.tif')])
@pytest.mark.parametrize('dtype', ['uint8', 'uint16'])
def test_equal_to_opencv(tmp_path, bands, suffix, dtype):
    """Whose order of colours is blue, green, red; ours is the file's."""
    array = values(bands, dtype)
    cv2.imwrite(str(tmp_path / f'a{suffix}'), array)
    expected = np.atleast_3d(cv2.imread(str(tmp_path / f'a{suffix}'), cv2.IMREAD_UNCHANGED))
    order = [0] if bands == 1 else [2, 1, 0, 3][:bands]
    assert np.array_equal(read(tmp_path / f'a{suffix}')['img'], expected[..., order])


@pytest.mark.parametrize('pages', [2, 6])
def test_pages_are_bands(tmp_path, pages):
    array = values(pages, 'uint16')
    cv2.imwritemulti(str(tmp_path / 'a.tif'), list(array.transpose(2, 0, 1)))
    _, expected = cv2.imreadmulti(str(tmp_path / 'a.tif'), flags=cv2.IMREAD_UNCHANGED)
    assert np.array_equal(read(tmp_path / 'a.tif')['img'], np.stack(expected, axis=2))
    assert np.array_equal(read(tmp_path / 'a.tif', bands=(2, 1))['img'], array[..., [1, 0]])


@pytest.mark.parametrize(('mode', 'bands'), [('L', 1), ('LA', 2), ('RGB', 3), ('RGBA', 4)])
def test_equal_to_pillow(tmp_path, mode, bands):
    Image.fromarray(np.squeeze(values(bands, 'uint8')), mode).save(
        tmp_path / 'a.webp' if bands > 2 else tmp_path / 'a.png'
    )
    file = next(tmp_path.iterdir())
    assert np.array_equal(read(file)['img'], np.atleast_3d(np.array(Image.open(file).convert(mode))))


def test_chosen_bands(tmp_path):
    array = values(8, 'int16')
    path = write_tiff(tmp_path / 'a.tif', array)
    np.save(tmp_path / 'a.npy', array)
    for file in (path, tmp_path / 'a.npy'):
        assert np.array_equal(read(file, bands=(8, 1, 2))['img'], array[..., [7, 0, 1]])


def test_scale(tmp_path):
    array = np.array([[[0, 1000], [2000, 3000], [6000, 9000]]], np.uint16)
    path = write_tiff(tmp_path / 'a.tif', array)
    one, each = read(path, scale=(1000, 6000))['img'], read(path, scale=[(0, 6000), (1000, 9000)])['img']
    assert one.dtype == each.dtype == np.float32
    np.testing.assert_allclose(one, np.clip((array - 1000.0) / 5000, 0, 1) * 255, rtol=1e-6)
    np.testing.assert_allclose(each, (array - [0.0, 1000]) / [6000, 8000] * 255, rtol=1e-6)
    eight = values(3, 'uint8')
    assert np.array_equal(read(write_tiff(tmp_path / 'b.tif', eight), scale=(0, 255))['img'], eight)


def with_mask(tmp_path, picture, **arguments):
    """Load a picture and its mask, of ones."""
    cv2.imwrite(str(tmp_path / 'mask.png'), np.ones(SIDES, np.uint8))
    steps = [dict(type='mmseg_vitseg.LoadImage', bands='all', **arguments), dict(type='mmseg_vitseg.LoadMask')]
    info = dict(img_path=str(picture), seg_map_path=f'{tmp_path}/mask.png', reduce_zero_label=False, seg_fields=[])
    return Compose(steps)(info)


def assert_nowhere(found: dict, nowhere: np.ndarray, fill=0) -> None:
    assert (found['img'][nowhere] == fill).all()
    assert np.array_equal(found['gt_seg_map'], np.where(nowhere, 255, 1))


@pytest.mark.parametrize('how', ['value', 'tag', 'mask', 'alpha', 'alpha of a PNG', 'nan', 'tag nan'])
def test_no_data(tmp_path, how):
    nowhere = np.zeros(SIDES, bool)
    nowhere[5:9, 3:30] = True
    array = values(3, 'float32' if 'nan' in how else 'uint8' if 'PNG' in how else 'uint16')
    array[array == 7] = 8
    if how in ('value', 'tag'):
        array[nowhere] = 7
    if 'nan' in how:
        array[nowhere] = np.nan
    options = {'tag': dict(nodata=7), 'tag nan': dict(nodata=np.nan)}.get(how, {})
    arguments = dict(nodata=7) if how == 'value' else {}
    path = tmp_path / 'a.tif'
    opaque = np.where(nowhere, 0, 255).astype(array.dtype)[..., None]
    if how == 'alpha of a PNG':
        path = tmp_path / 'a.png'
        Image.fromarray(np.concatenate([array, opaque], axis=2)).save(path)
    elif how == 'alpha':
        write_tiff(path, np.concatenate([array, opaque], axis=2), photometric='rgb', alpha='yes')
    else:
        write_tiff(path, array, np.where(nowhere, 0, 255).astype(np.uint8) if how == 'mask' else None, **options)
    if 'alpha' in how:
        assert 'nodata' not in with_mask(tmp_path, path)  # it is a band of the picture
        arguments['bands'] = (1, 2, 3)
    found = LoadImage(**{'bands': 'all', **arguments})(dict(img_path=str(path)))
    assert np.array_equal(found['nodata'], nowhere)
    if 'alpha' not in how:
        assert_nowhere(with_mask(tmp_path, path, **arguments), nowhere)
        fill = [1, 2, 3]
        assert_nowhere(with_mask(tmp_path, path, fill=fill, **arguments), nowhere, fill)
        assert_nowhere(with_mask(tmp_path, path, fill=9, scale=(0, 100), **arguments), nowhere, 9)
    if 'nan' not in how:
        assert 'nodata' not in LoadImage(**{'bands': 'all', **arguments, 'nodata': None})(dict(img_path=str(path)))
    assert np.array_equal(found['img'][~nowhere], array[~nowhere])


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
@pytest.mark.parametrize('scale', [None, (-1, 1)])
def test_what_is_not_finite_is_no_data(tmp_path, dtype, scale):
    """Also the lowest number of float64, which is a common tag, and which float32 does not have."""
    array = values(2, dtype)
    lowest = float(np.finfo(dtype).min)
    array[0, :4] = np.array([np.nan, np.inf, -np.inf, lowest])[:, None]
    found = read(write_tiff(tmp_path / 'a.tif', array, nodata=lowest), scale=scale, fill=3)
    assert np.isfinite(found['img']).all()
    assert np.argwhere(found['nodata']).tolist() == [[0, 0], [0, 1], [0, 2], [0, 3]]
    assert (found['img'][0, :4] == 3).all()


def test_a_band_without_data_is_filled_and_the_pixel_stays(tmp_path):
    array = values(2, 'float32')
    array[0, 0, 1] = array[1, 1] = np.nan
    found = with_mask(tmp_path, write_tiff(tmp_path / 'a.tif', array), fill=5)
    assert found['img'][0, 0].tolist() == [array[0, 0, 0], 5]
    assert (found['gt_seg_map'] == 255).sum() == 1
    assert found['gt_seg_map'][1, 1] == 255


@pytest.mark.parametrize('arguments', [{}, dict(scale=(3, 900), nodata=7), dict(bands=(3, 1), fill=2.5)], ids=str)
@pytest.mark.parametrize('options', [dict(), dict(nodata=11), dict(tiled=True, blockxsize=16, blockysize=16)], ids=str)
def test_a_window_is_a_part_of_the_picture(tmp_path, arguments, options):
    array = values(4, 'uint16') % 32
    path = write_tiff(tmp_path / 'a.tif', array, **options)
    rule = BandRule(**arguments)
    with open_raster(path) as raster:
        picture, nowhere = raster.read(rule)
        part, missing = raster.read(rule, rasterio.windows.Window(7, 3, 20, 30))
    assert np.array_equal(part, picture[3:33, 7:27])
    nowhere = np.zeros(SIDES, bool) if nowhere is None else nowhere
    assert np.array_equal(np.zeros((30, 20), bool) if missing is None else missing, nowhere[3:33, 7:27])


def test_a_mask_in_a_file_beside_it(tmp_path):
    array = values(2, 'uint16')
    opaque = np.where(array[..., 0] % 3 == 0, 0, 255).astype(np.uint8)
    write_tiff(tmp_path / 'a.tif', array, opaque, beside=True)
    assert (tmp_path / 'a.tif.msk').is_file()
    assert np.array_equal(read(tmp_path / 'a.tif')['nodata'], opaque == 0)


class InMemory(BaseStorageBackend):
    """A file backend, as of an object store."""

    files: dict[str, bytes] = {}

    def get(self, filepath):
        return self.files[str(filepath)]

    def get_text(self, filepath, encoding='utf-8'):
        return self.get(filepath).decode(encoding)


def test_files_of_a_backend(tmp_path):
    register_backend('memory', InMemory, prefixes='memory', force=True)
    array = values(6, 'uint16')
    cv2.imwritemulti(str(tmp_path / 'pages.tif'), list(array.transpose(2, 0, 1)))
    write_tiff(tmp_path / 'a.tif', array)
    cv2.imwrite(str(tmp_path / 'a.png'), array[..., 2::-1])
    for name, bands in (('pages.tif', 6), ('a.tif', 6), ('a.png', 3)):
        InMemory.files[f'memory://{name}'] = (tmp_path / name).read_bytes()
        assert np.array_equal(read(f'memory://{name}')['img'], array[..., :bands])


def test_a_georeference_is_kept_and_no_warning_is_shown(tmp_path):
    transform = rasterio.Affine(10, 0, 500000, 0, -10, 5300000)
    write_tiff(tmp_path / 'a.tif', values(2, 'uint16'), crs='EPSG:32632', transform=transform)
    with open_raster(tmp_path / 'a.tif') as raster:
        assert (raster.dataset.crs.to_epsg(), raster.dataset.transform) == (32632, transform)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        read(write_tiff(tmp_path / 'b.tif', values(2, 'uint16')))


@pytest.mark.parametrize('scale', [None, (0, 60000)])
def test_through_the_hosts_steps_into_a_batch(tmp_path, scale):
    """What has no data is ignored where it goes."""
    nowhere = np.zeros(SIDES, bool)
    nowhere[10:30, 5:20] = True
    array = values(6, 'uint16') + 1
    array[nowhere] = 0
    path = write_tiff(tmp_path / 'a.tif', array, nodata=0)
    cv2.imwrite(str(tmp_path / 'mask.png'), np.ones(SIDES, np.uint8))
    steps = [
        dict(type='mmseg_vitseg.LoadImage', bands=(6, 2, 3, 4, 5), scale=scale),
        dict(type='mmseg_vitseg.LoadMask'),
        dict(type='RandomCrop', crop_size=(32, 32)),
        dict(type='RandomFlip', prob=1.0),
        dict(type='PackSegInputs'),
    ]
    info = dict(img_path=path, seg_map_path=f'{tmp_path}/mask.png', reduce_zero_label=False)
    packed = [Compose(steps)(dict(info, seg_fields=[])) for _ in range(2)]
    batch = {name: [one[name] for one in packed] for name in ('inputs', 'data_samples')}
    preprocessor = SegDataPreProcessor(mean=[10.0] * 5, std=[4.0] * 5, size=(32, 32))
    done = preprocessor(batch, training=True)
    assert (done['inputs'].shape, done['inputs'].dtype) == ((2, 5, 32, 32), torch.float32)
    for inputs, sample in zip(done['inputs'], done['data_samples'], strict=True):
        ignored = sample.gt_sem_seg.data[0] == 255
        assert 0 < ignored.sum() < 32 * 32
        assert torch.equal((inputs == -2.5).all(dim=0), ignored)


@pytest.mark.parametrize('scale', [None, (0, 100)])
@pytest.mark.parametrize('dtype', ['uint16', 'float32', 'float64'])
def test_an_array_that_is_given_stays_as_it_is(dtype, scale):
    array = values(2, 'uint8').astype(dtype)
    before = array.copy()
    picture, _ = BandRule(nodata=float(array[0, 0, 0]), fill=-9.0, scale=scale)(array)
    assert np.array_equal(array, before)
    assert picture[0, 0, 0] == (0 if picture.dtype == np.uint16 else -9)
