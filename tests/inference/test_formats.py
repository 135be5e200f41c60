"""predict.py --format coco and geojson: each file read back by a public reader, pixel by pixel."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_vitseg.datasets.load_mask import LoadMask
from mmseg_vitseg.inference.files import predict_files
from mmseg_vitseg.inference.inputs import find_inputs
from mmseg_vitseg.inference.model import load_model, predict
from mmseg_vitseg.inference.outputs import geojson, packages
from mmseg_vitseg.inference.outputs.coco import label_map, run_lengths
from mmseg_vitseg.inference.outputs.geojson import mask_to_geojson, write_geojson
from mmseg_vitseg.inference.outputs.georeference import Georeference, read_georeference
from mmseg_vitseg.inference.outputs.json_lists import write_list
from mmseg_vitseg.inference.outputs.polygons import area, regions, simple_regions
from mmseg_vitseg.inference.outputs.predicted import Classes
from mmseg_vitseg.inference.outputs.writer import Writer
from vitseg_tests.commands import Finished

rasterio = pytest.importorskip('rasterio', reason='rasterio is not installed; it comes with the extra [geo]')
shapely = pytest.importorskip('shapely', reason='shapely is not installed; it comes with the extra [dev]')
coco_reader = pytest.importorskip('pycocotools.coco', reason='pycocotools is not installed; it comes with [coco]')

from rasterio.control import GroundControlPoint  # noqa: E402
from rasterio.errors import NotGeoreferencedWarning  # noqa: E402
from rasterio.features import rasterize  # noqa: E402
from rasterio.transform import Affine  # noqa: E402
from rasterio.warp import transform  # noqa: E402
from shapely.geometry import Polygon, shape  # noqa: E402

# pycocotools' own, on NumPy 2, where it decodes
pytestmark = pytest.mark.filterwarnings('ignore:__array__ implementation:DeprecationWarning')

NAMES = ['pet', 'background', 'border']
CLASSES = Classes(NAMES, np.array([[9, 8, 7], [6, 5, 4], [3, 2, 1]], np.uint8), 1)
NORTH_UP = Affine(10, 0, 500_000, 0, -10, 5_500_000)


def blobs(height: int, width: int, classes: int = 3, seed: int = 0) -> np.ndarray:
    """A label map with regions, holes, regions in holes, and pixels that touch at corners."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, classes, (-(-height // 7), -(-width // 7)))
    labels = np.kron(coarse, np.ones((7, 7), np.int64))[:height, :width]
    noise = generator.random(labels.shape) < 0.1
    return np.where(noise, generator.integers(0, classes, labels.shape), labels)


def save_map(path: Path, picture: np.ndarray, crs: str | None = 'EPSG:32633', place: Affine = NORTH_UP, **more) -> Path:
    """Write (C, H, W) as a GeoTIFF."""
    count, height, width = picture.shape
    profile = dict(driver='GTiff', count=count, height=height, width=width, dtype=picture.dtype, crs=crs)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', NotGeoreferencedWarning)
        with rasterio.open(path, 'w', transform=place, **profile, **more) as file:
            file.write(picture)
    return path


# ---- polygons


@pytest.mark.parametrize('seed', range(12))
def test_polygons_are_the_pixels(seed):
    """Random maps of 1 to 40 pixels a side: shapely finds each polygon valid, and areas and pixels equal."""
    generator = np.random.default_rng(seed)
    height, width = generator.integers(1, 40, 2)
    labels = generator.integers(0, generator.integers(1, 5), (height, width)) if seed % 2 else blobs(height, width)
    whole = [(label, Polygon(outline, holes)) for label, (outline, *holes) in regions(labels)]
    simple = [(label, Polygon(ring)) for label, ring in simple_regions(labels)]
    for polygons in (whole, simple):
        assert all(polygon.is_valid for _, polygon in polygons)
        assert np.array_equal(rasterize([(one, label) for label, one in polygons], labels.shape, fill=99), labels)
        for label in np.unique(labels):
            assert sum(one.area for found, one in polygons if found == label) == (labels == label).sum()
    assert [area(ring) for _, ring in simple_regions(labels)] == [one.area for _, one in simple]


def test_holes_are_cut_open():
    """A ring of pixels around a hole, which has an island: two pieces, a hole's polygon, and the island."""
    labels = np.zeros((7, 7), int)
    labels[1:6, 1:6] = 1
    labels[3, 3] = 0
    assert sorted(len(rings) for _, rings in regions(labels)) == [1, 2, 2]
    assert sorted(area(ring) for _, ring in simple_regions(labels)) == [1, 7, 10, 14, 17]


# ---- COCO


@pytest.fixture
def pictures(tmp_path):
    """A folder with two pictures, one in a folder of its own, and a damaged one."""
    folder = tmp_path / 'pictures'
    (folder / 'more').mkdir(parents=True)
    generator = np.random.default_rng(0)
    Image.fromarray(generator.integers(0, 256, (40, 60, 3), np.uint8)).save(folder / 'a.png')
    Image.fromarray(generator.integers(0, 256, (30, 60, 3), np.uint8)).save(folder / 'more/b.jpg')
    (folder / 'broken.jpg').write_bytes(b'not a picture')
    return folder


def test_coco_is_read_back(call, config, checkpoint, pictures, tmp_path):
    result = call(f'predict {config} {checkpoint} {pictures} --out {tmp_path}/out --format coco --device cpu')
    assert result.status == 1
    assert 'broken.jpg' in result.err
    assert '2 of 3 predicted' in result.out
    files = sorted(path.name for path in (tmp_path / 'out').rglob('*'))
    assert files == ['areas.csv', 'areas.json', 'instances_masks.json', 'instances_polygons.json']
    model = load_model(config, checkpoint, device='cpu')
    for kind, crowd in (('masks', 1), ('polygons', 0)):
        coco = coco_reader.COCO(tmp_path / f'out/instances_{kind}.json')
        assert [image['file_name'] for image in coco.loadImgs(coco.getImgIds())] == ['a.png', 'more/b.jpg']
        assert [(one['id'], one['name'], one['value']) for one in coco.loadCats(coco.getCatIds())] == [
            (1, 'pet', 1), (2, 'background', 2), (3, 'border', 3)
        ]  # fmt: skip
        for image in coco.loadImgs(coco.getImgIds()):
            labels = predict(model, pictures / image['file_name'])
            assert (image['height'], image['width']) == labels.shape
            found = np.zeros(labels.shape, int)
            for one in coco.imgToAnns[image['id']]:
                mask = coco.annToMask(one).astype(bool)
                assert not found[mask].any(), 'pixels of two annotations'
                found[mask] = one['category_id']
                assert one['area'] == mask.sum()
                rows, columns = np.nonzero(mask)
                left, top, width, height = one['bbox']
                assert (left, top) == (columns.min(), rows.min())
                assert (left + width, top + height) == (columns.max() + 1, rows.max() + 1)
                assert one['iscrowd'] == crowd
                if kind == 'polygons':
                    (points,) = one['segmentation']
                    assert Polygon(np.reshape(points, (-1, 2))).area == one['area']
            assert np.array_equal(found, labels + 1)
            read = LoadMask(coco=tmp_path / f'out/instances_{kind}.json', background=255, classes=NAMES)
            info = dict(img_path=str(pictures / image['file_name']), img_shape=labels.shape, seg_fields=[])
            assert np.array_equal(read(dict(info, reduce_zero_label=False))['gt_seg_map'], labels)


def test_run_lengths_hold_a_map():
    labels = blobs(50, 31, classes=300)
    assert np.array_equal(label_map(run_lengths(labels)), labels)


def test_two_pictures_of_one_name_are_told_apart(config, checkpoint, tmp_path):
    for folder in ('x', 'y'):
        (tmp_path / folder).mkdir()
        Image.new('RGB', (20, 20)).save(tmp_path / folder / 'a.png')
    model = load_model(config, checkpoint, device='cpu')
    writer = Writer(model, tmp_path / 'out', formats=['coco', 'png'])
    predict_files(model, find_inputs([tmp_path / 'x', tmp_path / 'y']), writer)
    names = [one['file_name'] for one in json.loads((tmp_path / 'out/instances_masks.json').read_text())['images']]
    assert names == [f'{tmp_path}/x/a.png', f'{tmp_path}/y/a.png']
    assert len([*(tmp_path / 'out').glob('*_mask.png')]) == 2


# ---- GeoJSON


def write(target: Path, labels: np.ndarray, place: Georeference, **options) -> dict:
    """Write a label map (H, W) as GeoJSON and read it."""
    values = labels + CLASSES.first
    write_geojson(target, lambda top, bottom: values[top:bottom], place, CLASSES, **options)
    return json.loads(target.read_text())


def check_features(found: dict, labels: np.ndarray, pixel: float | None) -> None:
    """Check the properties, and that shapely finds polygons valid, and turned as RFC 7946 says."""
    for feature in found['features']:
        properties, polygon = feature['properties'], shape(feature['geometry'])
        assert polygon.is_valid
        assert polygon.exterior.is_ccw
        assert not any(hole.is_ccw for hole in polygon.interiors)
        assert properties['class'] == NAMES[properties['value'] - 1]
        assert properties['area'] == (None if pixel is None else pytest.approx(properties['pixels'] * pixel, abs=5e-7))
    for index in np.unique(labels):
        rows = [one['properties'] for one in found['features'] if one['properties']['value'] == index + 1]
        assert sum(row['pixels'] for row in rows) == (labels == index).sum()


@pytest.mark.parametrize('strip', [10**6, 300])
@pytest.mark.parametrize(
    ('crs', 'place', 'pixel'),
    [
        ('EPSG:32633', NORTH_UP, 100),
        ('EPSG:32633', Affine(6, 2, 500_000, 3, -8, 5_500_000), 54),  # turned
        ('EPSG:32633', Affine(10, 0, 500_000, 0, 10, 5_500_000), 100),  # south is up
        ('EPSG:2225', Affine(3, 0, 6_000_000, 0, -3, 2_000_000), 9 * (1200 / 3937) ** 2),  # US survey feet
        ('EPSG:4326', Affine(0.25, 0, -180, 0, -0.25, 60), None),
    ],
)
def test_geojson_in_the_coordinates_of_the_file(tmp_path, monkeypatch, crs, place, pixel, strip):
    """Rasterised again, it is the map to the pixel; areas too, which shapely measures."""
    monkeypatch.setattr(geojson, 'STRIP_PIXELS', strip)
    labels = blobs(45, 60)
    mask = save_map(tmp_path / 'mask.tif', (labels[None] + 1).astype(np.uint8), crs, place)
    found = write(tmp_path / 'map.geojson', labels, read_georeference(mask), wgs84=False)
    check_features(found, labels, pixel)
    shapes = [(one['geometry'], one['properties']['value']) for one in found['features']]
    assert np.array_equal(rasterize(shapes, labels.shape, transform=place), labels + 1)
    assert found['crs']['properties']['name'] == crs
    for one in found['features']:
        expected = one['properties']['pixels'] * abs(place.determinant)
        assert shape(one['geometry']).area == pytest.approx(expected, rel=1e-6)
    assert len(found['features']) == len([*regions(labels)]) or strip == 300
    mask_to_geojson(mask, tmp_path / 'of_a_file.geojson', CLASSES, wgs84=False)
    assert (tmp_path / 'of_a_file.geojson').read_text() == (tmp_path / 'map.geojson').read_text()


@pytest.mark.parametrize('metres', [0.1, 10, 1000])
def test_geojson_in_longitude_and_latitude(tmp_path, metres):
    """The centre of each pixel lies in a polygon of its class; at 1 km, long edges are curves."""
    place = Affine(metres, 0, 300_000, 0, -metres, 6_900_000)
    labels = np.repeat(np.repeat(blobs(30, 40), 9, axis=0), 9, axis=1)
    mask = save_map(tmp_path / 'mask.tif', (labels[None] + 1).astype(np.uint8), place=place)
    mask_to_geojson(mask, tmp_path / 'map.geojson', CLASSES)
    found = json.loads((tmp_path / 'map.geojson').read_text())
    assert 'crs' not in found
    check_features(found, labels, metres**2)
    rows, columns = np.indices(labels.shape).reshape(2, -1)
    there = read_georeference(mask).points(np.stack([columns, rows], axis=1) + 0.5).T
    longitude, latitude = map(np.array, transform('EPSG:32633', 'EPSG:4326', *there))
    again = np.zeros(labels.size, int)
    for one in found['features']:
        again[shapely.contains_xy(shape(one['geometry']), longitude, latitude)] += one['properties']['value']
    assert np.array_equal(again.reshape(labels.shape), labels + 1)


def test_geojson_of_pictures(call, config, checkpoint, tmp_path):
    """Two GeoTIFFs, and one without a georeference, which is left out: nothing of it is written."""
    folder = tmp_path / 'maps'
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name, crs in (('a', 'EPSG:32633'), ('b', None), ('c', 'EPSG:32633')):
        save_map(folder / f'{name}.tif', generator.integers(0, 256, (3, 40, 60), np.uint8), crs)
    result = call(f'predict {config} {checkpoint} {folder} --out {tmp_path}/out --format geojson png --device cpu')
    assert result.status == 1
    line = next(line for line in result.err.splitlines() if 'left out' in line)
    for word in ('maps/b.tif: no georeference', 'no coordinate reference system', 'gdal_translate -a_srs'):
        assert word in line
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == [
        'a.geojson', 'a_mask.png', 'a_overlay.png', 'areas.csv', 'areas.json', 'c.geojson', 'c_mask.png', 'c_overlay.png',
    ]  # fmt: skip
    labels = np.array(Image.open(tmp_path / 'out/a_mask.png')).astype(int) - 1
    check_features(json.loads((tmp_path / 'out/a.geojson').read_text()), labels, 100)


def test_geojson_of_a_scene(call, config, checkpoint, tmp_path):
    """Of its mask, a file; after --resume too. Without a georeference it is not predicted."""
    picture = np.random.default_rng(0).integers(0, 256, (3, 40, 60), np.uint8)
    save_map(tmp_path / 'a.tif', picture)
    save_map(tmp_path / 'b.tif', picture, None)
    line = f'predict {config} {checkpoint} {tmp_path}/a.tif {tmp_path}/b.tif --out {tmp_path}/out --device cpu'
    for option in ('', ' --resume'):
        result = call(f'{line} --scene yes --format png geojson{option}')
        assert 'b.tif: no georeference' in result.err
        assert '1 of 2 predicted' in result.out
        assert not (tmp_path / 'out/b_mask.tif').exists()
        with rasterio.open(tmp_path / 'out/a_mask.tif') as mask:
            check_features(json.loads((tmp_path / 'out/a.geojson').read_text()), mask.read(1).astype(int) - 1, 100)
        (tmp_path / 'out/a.geojson').unlink()


def test_a_map_across_the_180th_meridian_is_cut_there(tmp_path):
    (east,), (north,) = transform('EPSG:4326', 'EPSG:32760', [179.99], [-17])
    place = Georeference(tmp_path, rasterio.CRS.from_epsg(32760), Affine(100, 0, east, 0, -100, north), (20, 40))
    labels = np.zeros((20, 40), int)
    labels[5:15, 2:38] = 1
    found = write(tmp_path / 'map.geojson', labels, place)
    for one in found['features']:
        west, east = sorted(shape(one['geometry']).geoms, key=lambda part: part.bounds[0])
        assert -180 <= west.bounds[0] <= west.bounds[2] < -179.9
        assert 179.9 < east.bounds[0] <= east.bounds[2] <= 180
        assert west.is_valid
        assert east.is_valid


def test_a_number_of_no_data_is_of_no_polygon(tmp_path):
    labels = blobs(20, 20).astype(np.uint8) + 1
    labels[5:9] = 255
    mask = save_map(tmp_path / 'mask.tif', labels[None], nodata=255)
    mask_to_geojson(mask, tmp_path / 'map.geojson', CLASSES, wgs84=False)
    features = json.loads((tmp_path / 'map.geojson').read_text())['features']
    shapes = [(one['geometry'], one['properties']['value']) for one in features]
    assert np.array_equal(rasterize(shapes, labels.shape, fill=255, transform=NORTH_UP), labels)


# ---- what goes wrong


def save_points(path: Path) -> Path:
    points = [GroundControlPoint(row, col, 10 + col, 50 - row) for row, col in ((0, 0), (0, 9), (9, 0), (9, 9))]
    return save_map(path, np.zeros((3, 10, 10), np.uint8), 'EPSG:4326', Affine.identity(), gcps=points)


@pytest.mark.parametrize(
    ('save', 'words'),
    [
        (lambda path: save_map(path, np.zeros((3, 9, 9), np.uint8), None), 'no coordinate reference system'),
        (lambda path: save_map(path, np.zeros((3, 9, 9), np.uint8), place=Affine.identity()), 'no position'),
        (save_points, 'ground control points only.*gdalwarp'),
        (lambda path: path.write_bytes(b'II*\0 no TIFF'), 'no georeference'),
    ],
)
def test_files_without_a_georeference(tmp_path, save, words):
    save(tmp_path / 'a.tif')
    with pytest.raises(ValueError, match=f'a.tif: .*{words}') as info:
        read_georeference(tmp_path / 'a.tif')
    assert '\n' not in str(info.value)


@pytest.mark.parametrize(
    ('crs', 'place', 'words'),
    [
        ('EPSG:4326', Affine(1, 0, 170, 0, -1, 60), r'longitudes from 170.0 to 190.0'),
        ('+proj=ortho +lat_0=0 +lon_0=0', Affine(1e6, 0, 0, 0, -1e6, 0), 'no longitude and latitude'),
    ],
)
def test_places_that_geojson_cannot_say(tmp_path, crs, place, words):
    place = Georeference(tmp_path / 'a.tif', rasterio.CRS.from_user_input(crs), place, (20, 20))
    with pytest.raises(ValueError, match=f'a.tif: .*{words}.*gdalwarp'):
        write(tmp_path / 'map.geojson', blobs(20, 20), place)
    assert not [*tmp_path.iterdir()]


def test_a_mask_of_other_numbers(tmp_path):
    mask = save_map(tmp_path / 'mask.tif', np.full((1, 9, 9), 7, np.uint8))
    with pytest.raises(ValueError, match=r'mask\.tif: the value 7; those of the classes are 1 to 3'):
        mask_to_geojson(mask, tmp_path / 'map.geojson', CLASSES)


def test_what_fails_in_between_leaves_the_older_file(tmp_path):
    def elements():
        yield dict(a=1)
        raise MemoryError

    write_list(tmp_path / 'x.json', dict(b=2), 'list', [dict(a=0)])
    with pytest.raises(MemoryError):
        write_list(tmp_path / 'x.json', dict(b=2), 'list', elements())
    assert [path.name for path in tmp_path.iterdir()] == ['x.json']
    assert json.loads((tmp_path / 'x.json').read_text()) == dict(b=2, list=[dict(a=0)])


def check_refused(result: Finished, *words: str) -> None:
    """Check that a command refused in one line that says each of the words."""
    assert result.status == 2
    (line,) = result.err.strip().splitlines()
    for word in words:
        assert word in line


def test_a_video_is_left_out(call, config, checkpoint, pictures, tmp_path):
    (pictures / 'film.mp4').touch()
    line = f'predict {config} {checkpoint} {pictures}/a.png {pictures}/film.mp4 --out {tmp_path}/out --format coco png'
    result = call(line)
    assert result.status == 1
    assert 'film.mp4: a video, which --format coco png is not written of; take --format png' in result.err
    assert '1 of 2 predicted' in result.out


@pytest.mark.parametrize(
    ('options', 'words'),
    [
        ('--format coco --opacity 0.5', ['--opacity', '--format coco', 'add png']),
        ('--format yolo', ['--format', "invalid choice: 'yolo'", 'geojson']),
    ],
)
def test_mistakes_are_one_line(call, config, checkpoint, pictures, tmp_path, options, words):
    result = call(f'predict {config} {checkpoint} {pictures}/a.png --out {tmp_path}/out {options}')
    check_refused(result, *words)


@pytest.mark.parametrize(('form', 'named'), [('coco', 'pycocotools rasterio'), ('geojson', 'rasterio')])
def test_a_package_that_is_missing(call, config, checkpoint, pictures, tmp_path, monkeypatch, form, named):
    monkeypatch.setattr(packages, 'find_spec', lambda name: None)
    result = call(f'predict {config} {checkpoint} {pictures}/a.png --out {tmp_path}/out --format {form}')
    check_refused(result, f'--format {form}', f'pip install {named}', "'.[coco,geo]'")
    assert not (tmp_path / 'out').exists()
