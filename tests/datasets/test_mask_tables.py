"""Masks as people have them: equal to the host's reading of an index mask that numpy made of them before."""

import re
import warnings

import numpy as np
import pytest
from mmengine.config import Config
from mmseg.registry import DATASETS, TRANSFORMS
from PIL import Image

from mmseg_vitseg.datasets import LoadMask
from mmseg_vitseg.datasets.mask_tables import Table, look_up
from mmseg_vitseg.datasets.masks import NODATA

NAMES = ('road', 'rider', 'bus', 'car')
PALETTE = [(128, 64, 128), (255, 0, 0), (0, 60, 100), (0, 0, 142)]
COLOURS = dict(zip(NAMES, PALETTE, strict=True))
VOID = (0, 0, 0)
INDICES = np.random.default_rng(0).integers(0, 4, (30, 40)).astype(np.uint8)
COLOURED = np.array(PALETTE, np.uint8)[INDICES]
VALUES = np.array([1001, 7, 65000, 300], np.uint16)
MERGED = dict(classes=('road', 'vehicle'), merge={'bus': 'vehicle', 'car': 'vehicle', 'rider': None})


def save_mask(root, array, suffix='.png', **options):
    (root / 'images').mkdir(exist_ok=True)
    (root / 'masks').mkdir(exist_ok=True)
    Image.new('RGB', array.shape[1::-1]).save(root / 'images/a.jpg')
    path = root / f'masks/a{suffix}'
    if suffix == '.npy':
        np.save(path, array)
    else:
        Image.fromarray(array).save(path, **options)
    return str(path)


def load(root, step: dict, suffix='.png', **settings) -> np.ndarray:
    """Load the mask through the host's data set, as a config written in a file would."""
    step = dict(dict(type='LoadAnnotations', _scope_='mmseg_vitseg'), **step)
    pipeline = [dict(type='LoadImageFromFile'), step]
    dataset = dict(
        type='BaseSegDataset',
        data_root=str(root),
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        seg_map_suffix=suffix,
        pipeline=pipeline,
        serialize_data=False,  # which collects garbage, in a second
    )
    file = root / 'config.py'
    file.write_text(f'dataset = {dict(dataset, **settings)}')
    return DATASETS.build(Config.fromfile(file).dataset)[0]['gt_seg_map']


def of_host(root, labels: np.ndarray, **settings) -> np.ndarray:
    (root / 'host').mkdir()
    save_mask(root / 'host', labels.astype(np.uint8))
    return load(root / 'host', dict(type='LoadAnnotations', _scope_='mmseg'), **settings)


@pytest.mark.parametrize(
    ('step', 'table'),
    [
        (dict(colors=PALETTE), [0, 1, 2, 3]),
        (dict(colors=dict(enumerate(PALETTE))), [0, 1, 2, 3]),
        (dict(colors=COLOURS, classes=NAMES), [0, 1, 2, 3]),
        (dict(colors=COLOURS, classes=NAMES[::-1]), [3, 2, 1, 0]),
        (dict(colors={'road': '#804080', 'rest': ['#FF0000', *PALETTE[2:]]}, classes=('rest', 'road')), [1, 0, 0, 0]),
        (dict(colors=PALETTE[:3], void=PALETTE[3]), [0, 1, 2, 255]),
        (dict(colors=PALETTE[:1], void=PALETTE[1:]), [0, 255, 255, 255]),
        (dict(colors=COLOURS, **MERGED), [0, 255, 1, 1]),
        (dict(colors=COLOURS, classes=('car', 'x'), merge={'*': 'x'}), [1, 1, 1, 0]),
        (dict(colors=COLOURS, classes=('car',), merge={'*': None, 'bus': 'car'}), [255, 255, 0, 0]),
        (dict(colors='CityscapesDataset'), [0, 12, 15, 13]),
        (dict(colors='mmseg.CityscapesDataset'), [0, 12, 15, 13]),
        (dict(colors='CityscapesDataset', classes=('road', 'x'), merge={'*': None, 'bus': 'x'}), [0, 255, 1, 255]),
    ],
)
@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'P'])
def test_colours(tmp_path, step, table, mode):
    picture = Image.fromarray(COLOURED).convert(mode)
    if mode == 'P':
        picture = Image.fromarray(INDICES, 'P')
        picture.putpalette(np.array(PALETTE, np.uint8).tobytes())
    save_mask(tmp_path, COLOURED)
    picture.save(tmp_path / 'masks/a.png')
    assert np.array_equal(load(tmp_path, step), of_host(tmp_path, np.array(table)[INDICES]))


@pytest.mark.parametrize('reduced', [False, True])
@pytest.mark.parametrize('chosen', [None, ('wall', 'sky')])
def test_the_data_sets_own_choice_of_classes(tmp_path, reduced, chosen):
    """Colours stand for indices; the host's reduce_zero_label and metainfo.classes choose among them as ever."""
    settings = dict(type='ADE20KDataset', reduce_zero_label=reduced)
    if chosen:
        settings['metainfo'] = dict(classes=chosen)
    save_mask(tmp_path, COLOURED)
    assert np.array_equal(load(tmp_path, dict(colors=PALETTE), **settings), of_host(tmp_path, INDICES, **settings))


@pytest.mark.parametrize(
    ('step', 'table'),
    [
        (dict(values={1001: 0, 7: 1, 65000: 2, 300: 3}), [0, 1, 2, 3]),
        (dict(values={1001: 'road', 7: 'car', 65000: 'car', 300: 'road'}, classes=('car', 'road')), [1, 0, 0, 1]),
        (dict(values=dict(road=1001, rider=7, bus=[65000], car=300), **MERGED), [0, 255, 1, 1]),
        (dict(values=dict(road=1001, car=[7, 65000]), void=300, classes=('road', 'car')), [0, 1, 1, 255]),
        (dict(values={7: 1, 300: 255}, void=(1001, 65000)), [255, 1, 255, 255]),
    ],
)
@pytest.mark.parametrize(
    ('suffix', 'dtype'),
    [
        ('.png', 'uint16'),
        ('.tif', 'uint16'),
        ('.tif', 'int32'),
        ('.npy', 'int64'),
        ('.npy', 'uint16'),
        ('.npy', 'float64'),
    ],
)
def test_values_of_more_bits(tmp_path, step, table, suffix, dtype):
    save_mask(tmp_path, VALUES[INDICES].astype(dtype), suffix)
    assert np.array_equal(load(tmp_path, step, suffix), of_host(tmp_path, np.array(table)[INDICES]))


@pytest.mark.parametrize('values', [[-1, 5, 2**24 + 1, 2**31 - 1], [-300, -2, 0, 255]])
def test_values_of_any_size(tmp_path, values):
    save_mask(tmp_path, np.array(values, np.int32)[INDICES], '.tif')
    step = dict(values={values[1]: 0, values[2]: 1, values[3]: 2}, void=values[0])
    assert np.array_equal(load(tmp_path, step, '.tif'), of_host(tmp_path, np.array([255, 0, 1, 2])[INDICES]))


@pytest.mark.parametrize(
    ('data', 'step', 'table'),
    [
        ([0, 1, 2, 3], {}, [0, 1, 255, 3]),
        ([0, 1, 2, 3], dict(void=3), [0, 1, 255, 255]),
        ([0, 1, 2, 3], dict(values=range(4)), [0, 1, 2, 3]),  # the config says more than the file
        ([0, 1, 2, 3], dict(values=(0, 1, 3)), [0, 1, 255, 3]),
        ([0, 1, 65535, 3], {}, [0, 1, 255, 3]),
        ([0, 1, 65535, 999], dict(values={0: 0, 1: 1, 999: 2}), [0, 1, 255, 2]),
    ],
)
def test_what_a_tiff_says_is_no_data(tmp_path, data, step, table):
    array = np.array(data, np.uint16)[INDICES]
    save_mask(tmp_path, array if array.max() > 255 else array.astype(np.uint8), '.tif', tiffinfo={NODATA: str(data[2])})
    assert np.array_equal(load(tmp_path, step, '.tif'), of_host(tmp_path, np.array(table)[INDICES]))


def test_no_data_that_rasterio_writes(tmp_path):
    rasterio = pytest.importorskip('rasterio', reason='needs the extra geo')
    save_mask(tmp_path, INDICES)
    profile = dict(driver='GTiff', width=40, height=30, count=1, nodata=2, tiled=True, blockxsize=16, blockysize=16)
    expected = np.where(INDICES == 2, 255, INDICES)
    for dtype, compress in (('uint8', 'lzw'), ('uint16', 'deflate'), ('uint8', 'lerc'), ('float64', 'zstd')):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # it has no georeference, and affine's own
            with rasterio.open(tmp_path / 'masks/a.tif', 'w', dtype=dtype, compress=compress, **profile) as file:
                file.write(INDICES.astype(dtype), 1)
        assert np.array_equal(load(tmp_path, {}, '.tif'), expected)


def test_unsigned_values_of_32_bits(tmp_path):
    """GDAL's own no-data value of uint32, and another that Pillow takes for negative."""
    rasterio = pytest.importorskip('rasterio', reason='needs the extra geo')
    most = 2**32 - 1
    save_mask(tmp_path, INDICES)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # as above
        profile = dict(driver='GTiff', width=40, height=30, count=1, nodata=most, dtype='uint32')
        with rasterio.open(tmp_path / 'masks/a.tif', 'w', **profile) as file:
            file.write(np.array([0, 70000, 2**31, most], np.uint32)[INDICES], 1)
    for void in (None, most):
        step = dict(values={0: 0, 70000: 1, 2**31: 2}, void=void)
        assert np.array_equal(load(tmp_path, step, '.tif'), np.array([0, 1, 2, 255])[INDICES])


def test_cityscapes_merged_with_the_values_of_its_data_set(tmp_path):
    """A stranger's data in Cityscapes' layout: 19 classes in the files, three in the config, the rest ignored."""
    labels = np.arange(19, dtype=np.uint8)[np.random.default_rng(1).integers(0, 19, (30, 40))]
    labels[:2] = 255
    save_mask(tmp_path, labels)
    classes = ('road', 'person', 'vehicle')
    merge = {'rider': 'person', **dict.fromkeys(('car', 'truck', 'bus'), 'vehicle'), '*': None}
    table = np.full(256, 255)
    table[[0, 11, 12, 13, 14, 15]] = [0, 1, 1, 2, 2, 2]
    step = dict(values='CityscapesDataset', classes=classes, merge=merge)
    found = load(tmp_path, step, metainfo=dict(classes=classes))
    assert np.array_equal(found, of_host(tmp_path, table[labels], metainfo=dict(classes=classes)))


def test_ade20k_counts_from_one(tmp_path):
    save_mask(tmp_path, INDICES)
    step = dict(values='ADE20KDataset', classes=('wall', 'building', 'sky'), merge={'*': None})
    assert np.array_equal(load(tmp_path, step), of_host(tmp_path, np.array([255, 0, 1, 2])[INDICES]))


def test_values_of_our_data_sets(tmp_path):
    save_mask(tmp_path, INDICES)
    for name in ('CamVidDataset', 'mmseg_vitseg.CamVidDataset'):
        step = dict(values=name, classes=('sky', 'road'), merge={'building': 'sky', 'pole': None, '*': 'road'})
        assert np.array_equal(load(tmp_path, step), np.array([0, 0, 255, 1])[INDICES])


def test_transparent_pixels(tmp_path):
    pixels = np.concatenate([COLOURED, np.where(INDICES == 1, 0, 255).astype(np.uint8)[..., None]], axis=2)
    save_mask(tmp_path, pixels)
    table = {1: 'transparent', 0: PALETTE[0], 2: PALETTE[2], 3: PALETTE[3]}
    assert np.array_equal(load(tmp_path, dict(colors=table)), INDICES)
    assert (load(tmp_path, dict(colors=[PALETTE[0], *PALETTE[2:]], void='transparent'))[INDICES == 1] == 255).all()
    with pytest.raises(ValueError, match=rf'a.png: {(INDICES == 1).sum()} pixels .* transparent in .*first at x'):
        load(tmp_path, dict(colors=PALETTE))


def smoothed() -> np.ndarray:
    """Blocks of two colours with edges as anti-aliasing makes them."""
    blocks = np.kron(np.array([[0, 1], [1, 0]]), np.ones((15, 20))).astype(np.uint8)
    return np.array(Image.fromarray(np.array(PALETTE, np.uint8)[blocks]).resize((48, 36), Image.Resampling.BILINEAR))


@pytest.mark.parametrize(
    ('array', 'step', 'words'),
    [
        (
            np.where((np.arange(1200).reshape(30, 40, 1) > 1190), np.uint8(9), COLOURED),
            dict(colors=COLOURS, classes=NAMES),
            r'a\.png: 9 pixels have colours that are not in colors: \(9, 9, 9\) in 9, first at x 31, y 29; the first is '
            r"nearest to \(0, 60, 100\) of 'bus'. Add them to colors, or to void",
        ),
        (smoothed(), dict(colors=PALETTE[:2]), r'and \d+ more; .* are edges anti-aliased\? .*nearest neighbours'),
        (
            np.dstack([COLOURED, np.full((30, 40), 9, np.uint8)]),
            dict(colors=PALETTE),
            'x 0, y 0, alpha 9; make them opaque',
        ),
        (VALUES[INDICES], dict(colors=PALETTE), 'pixels of mode I;16, which are no colours; .*values='),
        (VALUES[INDICES].astype(np.int32) - 301, dict(values={0: 0, 700: 1}), 'has the value -294, -1, 64699; allowed'),
        (VALUES[INDICES], dict(values={7: 0, 300: 1}), r'has the value 1001, 65000; allowed: 7, 300\. Fetch'),
        (VALUES[INDICES], dict(values={7: 0}), 'mode I;16, masks have 8 bits: .* 7 to 65000; .*LoadMask.values='),
        (COLOURED, {}, r'30 x 40 x 3, .*4 colours, .*LoadMask\(colors=.*--data writes the table'),
        (INDICES, dict(values=dict(a=range(4)), classes='a'), 'classes=.*metainfo'),
    ],
)
def test_what_is_not_in_the_table(tmp_path, array, step, words):
    suffix = '.tif' if array.dtype == np.int32 else '.png'
    save_mask(tmp_path, array, suffix)
    with pytest.raises(ValueError, match=words) as info:
        load(tmp_path, step, suffix)
    assert '\n' not in str(info.value)


@pytest.mark.parametrize(
    ('step', 'words'),
    [
        (dict(colors=COLOURS), r'colors has names; .*give metainfo.s classes'),
        (
            dict(colors=COLOURS, classes=NAMES[:2]),
            r"colors has bus, car, not in classes; .*merge=\{'bus': CLASS, or None",
        ),
        (dict(colors=COLOURS, classes=('raod', *NAMES[1:])), r"colors has road, not in classes \('raod' is meant\?\)"),
        (
            dict(colors=COLOURS, classes=(*NAMES, 'sky')),
            'classes has sky, and colors has no such name, nor is one merged',
        ),
        (
            dict(colors=COLOURS, classes=NAMES, merge=dict(buss='car')),
            r"merge has 'buss', and colors does not \('bus' is",
        ),
        (
            dict(colors=COLOURS, classes=NAMES[:2], merge=dict(bus='vehicle')),
            "'vehicle' is not in classes; allowed: road",
        ),
        (
            dict(colors={'road': (0, 0, 300)}, classes=('road',)),
            r'\(0, 0, 300\) is no colour; allowed: \(R, G, B\) of 0 to',
        ),
        (dict(colors={'road': '#12345'}, classes=('road',)), "'#12345' is no colour"),
        (dict(colors=[VOID, VOID]), r'colors: \(0, 0, 0\) is 0 and 1; it can be one alone'),
        (dict(colors='palette'), "colors='palette': no registered data set .*write the palette out"),
        (dict(values='NoDataset', classes=NAMES), "values='NoDataset': no registered data set"),
        (dict(colors=PALETTE, values=[0]), 'values, colors, coco: more than one is given'),
        (dict(colors=PALETTE, imdecode_backend='cv2'), "colors with imdecode_backend='cv2'; allowed: 'pillow'"),
        (dict(colors=PALETTE, classes=NAMES[:2]), 'colors has the label 2; allowed: names, 0 to 1, and 255'),
        (dict(values={1001: 300}), 'values has the label 300; allowed: names, 0 to 255, and 255'),
        (dict(values={'road': '7'}, classes=('road',)), "values has '7' for 'road'; allowed: whole numbers"),
        (dict(values=(0, 1), void='#000000'), "values has '#000000' for 'void'; allowed: whole numbers"),
        (dict(merge=dict(bus='car'), classes=NAMES), 'values has no names, of which merge is'),
        (dict(colors=[]), 'colors is empty'),
        (dict(background='road'), 'background is for coco'),
    ],
)
def test_tables_that_are_none(step, words):
    with pytest.raises(ValueError, match=f'^LoadMask: .*{words}'):
        LoadMask(**step)


def test_classes_number_the_labels_alone(tmp_path):
    save_mask(tmp_path, COLOURED)
    with pytest.raises(ValueError, match='reduce_zero_label=True in the data set, and LoadMask has classes'):
        load(tmp_path, dict(colors=COLOURS, classes=NAMES), reduce_zero_label=True)
    chosen = dict(type='CityscapesDataset', img_suffix='.jpg', metainfo=dict(classes=('bus', 'road')))
    found = load(tmp_path, dict(colors=COLOURS, classes=('bus', 'road'), merge={'*': None}), **chosen)
    assert np.array_equal(found, np.array([1, 255, 0, 255])[INDICES])


def test_a_pure_python_config(tmp_path):
    """Types are classes there, and the step is built by one."""
    save_mask(tmp_path, COLOURED)
    file = tmp_path / 'pure.py'
    file.write_text(
        'from mmengine.config import read_base\n'
        'from mmseg_vitseg.datasets import LoadMask\n'
        'classes = ("road", "vehicle")\n'
        f'step = dict(type=LoadMask, classes=classes, colors={COLOURS}, merge={MERGED["merge"]})\n'
    )
    step = TRANSFORMS.build(Config.fromfile(file).step)
    sample = dict(img_path='', seg_map_path=f'{tmp_path}/masks/a.png', reduce_zero_label=False, seg_fields=[])
    assert np.array_equal(step(sample)['gt_seg_map'], np.array([0, 255, 1, 1])[INDICES])
    assert re.match(r'LoadMask\(', repr(step))


@pytest.mark.parametrize(
    'keys', [(1, 2, 3), (0, 255), (-1, 4), (7, 70000), tuple(range(300)), (3, 1 << 40)], ids='{0[0]} to {0[1]}'.format
)
def test_bytes_are_found_as_wide_values_are(keys):
    """Masks of bytes are looked up by OpenCV, others by numpy."""
    table = Table({0: keys})
    values = np.random.default_rng(0).integers(0, 256, (13, 7))
    found = table.places(values.astype(np.uint8))
    assert np.array_equal(found, table.places(values))
    assert np.array_equal(look_up(table.labels, found), table.labels[found])
