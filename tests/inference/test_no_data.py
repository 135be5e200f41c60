"""What is written of a picture with pixels that have no data: in every format they are of no class."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmseg_vitseg.inference.files import predict_files
from mmseg_vitseg.inference.inputs import find_inputs
from mmseg_vitseg.inference.model import load_model, predict, suffixes_of
from mmseg_vitseg.inference.outputs.writer import Writer
from mmseg_vitseg.pictures.drawing import index_mask
from vitseg_tests.rasters import write_tiff
from vitseg_tests.weights import randomise

rasterio = pytest.importorskip('rasterio', reason='rasterio is not installed; it comes with the extra [geo]')
coco = pytest.importorskip('pycocotools.coco', reason='pycocotools is not installed; it comes with the extra [coco]')
# pycocotools' own, on NumPy 2
pytestmark = pytest.mark.filterwarnings('ignore:__array__ implementation:DeprecationWarning')

SIDES = (32, 40)
NOWHERE = np.zeros(SIDES, bool)
NOWHERE[:10, 5:30] = True


@pytest.fixture
def model(tmp_path):
    (tmp_path / 'bands.py').write_text("""
default_scope = 'mmseg'
model = dict(
    type='mmseg_vitseg.EncoderDecoder',
    data_preprocessor=dict(type='mmseg_vitseg.SegDataPreProcessor', size_divisor=1, mean=[2e3] * 4, std=[1e3] * 4),
    backbone=dict(type='mmseg_vitseg.VisionTransformer', img_size=32, patch_size=8, embed_dims=16, num_layers=1,
        num_heads=2, in_channels=4),
    decode_head=dict(type='mmseg_vitseg.LinearPatchHead', in_channels=16, num_classes=3, patch_size=8),
    test_cfg=dict(mode='whole'),
)
test_dataloader = dict(dataset=dict(type='BaseSegDataset', metainfo=dict(classes=('one', 'two', 'three')),
    pipeline=[dict(type='mmseg_vitseg.LoadImage', bands='all'), dict(type='PackSegInputs')]))
""")
    return randomise(load_model(tmp_path / 'bands.py', device='cpu'))


@pytest.fixture
def written(model, tmp_path) -> tuple[Path, np.ndarray]:
    """A folder of results of a picture, its confidence too, and of one without any data; and the first one's labels."""
    place = dict(crs='EPSG:32632', transform=rasterio.Affine(10, 0, 500000, 0, -10, 5300000), nodata=0)
    picture = np.random.default_rng(0).integers(1, 4000, (*SIDES, 4), np.uint16)
    picture[NOWHERE] = 0
    (tmp_path / 'in').mkdir()
    write_tiff(tmp_path / 'in/a.tif', picture, **place)
    write_tiff(tmp_path / 'in/none.tif', np.zeros_like(picture), **place)
    writer = Writer(model, tmp_path / 'out', 0.5, ('png', 'coco', 'geojson'), confidence=True)
    inputs = find_inputs([tmp_path / 'in'], None, suffixes_of(model))
    failed = []
    predict_files(model, inputs, writer, on_done=lambda file, error: failed.append(error))
    assert failed == [None, None]
    return tmp_path / 'out', predict(model, tmp_path / 'in/a.tif')


def test_of_no_class(written):
    out, labels = written
    expected = np.where(NOWHERE, 255, labels)
    assert len(np.unique(labels)) > 1
    assert np.array_equal(np.array(Image.open(out / 'a_mask.png')), expected)
    assert (np.array(Image.open(out / 'none_mask.png')) == 255).all()
    assert (np.array(Image.open(out / 'a_overlay.png'))[:32, :40][NOWHERE] == 0).all()
    confidence = np.array(Image.open(out / 'a_confidence.png'))
    assert (confidence[NOWHERE] == 0).all()
    assert (confidence[~NOWHERE] > 0).all()

    counts = {index: int((expected == index).sum()) for index in range(3)}
    with open(out / 'areas.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert {int(row['value']): int(row['pixels']) for row in rows} == {k: n for k, n in counts.items() if n}
    assert sum(float(row['share']) for row in rows) == pytest.approx(1, abs=1e-5)

    features = json.loads((out / 'a.geojson').read_text())['features']
    assert sum(one['properties']['pixels'] for one in features) == (~NOWHERE).sum()
    assert json.loads((out / 'none.geojson').read_text())['features'] == []
    for name in ('masks', 'polygons'):
        read = coco.COCO(str(out / f'instances_{name}.json'))
        assert len(read.imgs) == 2
        drawn = np.full(SIDES, 255)
        for one in read.anns.values():
            drawn[read.annToMask(one) > 0] = one['category_id'] - 1
        assert np.array_equal(drawn, expected)


@pytest.mark.parametrize(('classes', 'value', 'mode'), [(255, 255, 'P'), (256, 65535, 'I;16')])
def test_masks_of_many_classes(classes, value, mode):
    palette = np.zeros((classes, 3), np.uint8)
    labels = np.arange(classes)[None]
    nodata = labels == 3
    mask = index_mask(labels, palette, 0, nodata)
    assert mask.mode == mode
    assert np.array_equal(np.array(mask), np.where(nodata, value, labels))
