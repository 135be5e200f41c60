"""Scenes in windows: the labels of the whole picture, whatever is held at once, cut off, or without data."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_vitseg.inference.model import load_model, predict
from mmseg_vitseg.inference.outputs.writer import Writer
from mmseg_vitseg.inference.scenes import layout, source
from mmseg_vitseg.inference.scenes.layout import reaching, swaths, windows_of
from mmseg_vitseg.inference.scenes.partial import Partial
from mmseg_vitseg.inference.scenes.predicting import ScenePredictor
from mmseg_vitseg.inference.scenes.source import is_large
from vitseg_tests.paths import ROOT
from vitseg_tests.small_models import write_model
from vitseg_tests.user_errors import raises_with

rasterio = pytest.importorskip('rasterio', reason="rasterio is not installed; it comes with the extra '.[geo]'")

HEIGHT, WIDTH = 540, 620
FIELDS = np.random.default_rng(0).integers(0, 256, (HEIGHT // 20, WIDTH // 20, 3), np.uint8)
RGB = FIELDS.repeat(20, 0).repeat(20, 1)
SLIDE = dict(mode='slide', crop_size=(128, 128), stride=(96, 96))
GEOREFERENCE = dict(crs='EPSG:32633', transform=rasterio.Affine(10, 0, 5e5, 0, -10, 5e6))


def write_tiff(path: Path, pixels: np.ndarray, **profile) -> Path:
    height, width, count = pixels.shape
    kind = dict(driver='GTiff', height=height, width=width, count=count, dtype=pixels.dtype.name)
    with rasterio.open(path, 'w', **{**kind, **GEOREFERENCE, **profile}) as file:
        file.write(pixels.transpose(2, 0, 1))
    return path


def read_mask(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return file.read(1)


def model_of(folder: Path, backbone='vit', head='segformer', test_cfg: dict = SLIDE, confidence=False, **changes):
    """A small model, and the writer that it is predicted with."""
    folder.mkdir(exist_ok=True)
    model = load_model(*write_model(folder, backbone, head, {'model.test_cfg': test_cfg, **changes}), 'cpu')
    return model, Writer(model, folder / 'out', confidence=confidence)


def predict_scene(model, writer, file: Path, **options) -> Path:
    ScenePredictor(model, writer, **options).predict(file, Path('scene'))
    return writer.folder / 'scene_mask.tif'


@pytest.fixture
def scene(tmp_path) -> Path:
    return write_tiff(tmp_path / 'scene.tif', RGB, tiled=True, blockxsize=128, blockysize=128)


@pytest.mark.parametrize(
    ('backbone', 'head', 'test_cfg'),
    [
        ('vit', 'segformer', SLIDE),
        ('vit', 'segformer', dict(SLIDE, stride=(75, 101))),
        ('mit', 'linear', SLIDE),  # overlapping windows at full size: the host's way of the whole
        ('dino', 'probe', dict(SLIDE, keep_logits=True)),
        ('dino', 'queries', dict(mode='slide', crop_size=(256, 96))),
        ('dino', 'queries', SLIDE),
        ('dino', 'probe', dict(SLIDE, crop_size=(128, 800))),  # wider than the scene
    ],
)
@pytest.mark.parametrize('held', [layout.LOGIT_BYTES, 2**16], ids=['in one swath', 'in swaths'])
def test_the_labels_are_those_of_the_whole(tmp_path, scene, monkeypatch, backbone, head, test_cfg, held):
    """And their confidence."""
    monkeypatch.setattr(layout, 'LOGIT_BYTES', held)
    model, writer = model_of(tmp_path / 'model', backbone, head, test_cfg, confidence=True)
    check_equal(model, writer, scene)


def check_equal(model, writer, scene) -> None:
    labels, confidence = predict(model, RGB, confidence=True)
    assert len(np.unique(labels)) > 1
    assert np.array_equal(read_mask(predict_scene(model, writer, scene)), labels)
    found = read_mask(writer.folder / 'scene_confidence.tif')
    assert found.dtype == np.uint16
    assert np.abs(found - 65535.0 * confidence).max() < 0.51  # the nearest
    means = {row['class']: row['mean_confidence'] for row in writer.areas.rows}
    classes = writer.classes.names
    expected = {classes[index]: confidence[labels == index].astype(float).mean() for index in np.unique(labels)}
    assert means == pytest.approx(expected, abs=1e-5)


def test_a_host_model_of_one_class(tmp_path, scene):
    """Its logits at full size, and its threshold."""
    changes = {'model.type': 'EncoderDecoder', 'model.decode_head.num_classes': 2}
    changes |= {'model.decode_head.out_channels': 1, 'model.decode_head.threshold': 0.4}
    changes['test_dataloader.dataset.metainfo'] = dict(classes=('ground', 'house'), palette=[[0, 0, 0], [255, 0, 0]])
    check_equal(*model_of(tmp_path / 'model', 'dino', 'probe', SLIDE, True, **changes), scene)


def test_a_scene_that_is_padded(tmp_path, scene):
    """To a multiple of 64, as a picture of one window is."""
    changes = {'model.data_preprocessor.test_cfg': dict(size_divisor=64)}
    check_equal(
        *model_of(tmp_path / 'model', 'dino', 'probe', dict(SLIDE, crop_size=(999, 999)), True, **changes), scene
    )


def test_the_mask_has_the_georeference_and_what_is_without_data(tmp_path):
    pixels = RGB.copy()
    pixels[:250, :300] = 0  # whole windows of nothing, which are not predicted, and parts of some
    file = write_tiff(tmp_path / 'scene.tif', pixels, nodata=0)
    model, writer = model_of(tmp_path / 'model')
    mask = predict_scene(model, writer, file)
    expected = np.where((pixels == 0).all(2), 255, predict(model, pixels))
    assert (expected == 255).sum() >= 250 * 300
    with rasterio.open(mask) as found:
        assert np.array_equal(found.read(1), expected)
        assert (found.crs.to_epsg(), found.transform) == (32633, GEOREFERENCE['transform'])
        assert (found.nodata, found.compression.name, found.block_shapes) == (255, 'deflate', [(256, 256)])
        assert [found.colormap(1)[index][:3] for index in range(4)] == [
            tuple(one) for one in writer.classes.palette.tolist()
        ]
    writer.finish()
    assert 'square_metres' in (tmp_path / 'model/out/areas.csv').read_text()
    rows = json.loads((tmp_path / 'model/out/areas.json').read_text())
    assert {row['value']: row['pixels'] for row in rows} == {
        value: int((expected == value).sum()) for value in np.unique(expected[expected != 255]).tolist()
    }
    assert all(row['square_metres'] == 100 * row['pixels'] for row in rows)
    with Image.open(tmp_path / 'model/out/scene_overlay.png') as overlay:
        assert overlay.width == WIDTH
        assert np.array_equal(np.asarray(overlay)[:200, :250], np.zeros((200, 250, 3)))


def test_ground_control_points(tmp_path):
    points = [
        rasterio.control.GroundControlPoint(row, col, col / 10, row / 20)
        for row, col in ((0, 0), (0, WIDTH), (HEIGHT, 0))
    ]
    model, writer = model_of(tmp_path / 'model')
    write_tiff(tmp_path / 'a.tif', RGB, transform=None, gcps=points)
    with rasterio.open(predict_scene(model, writer, tmp_path / 'a.tif')) as found:
        assert [(one.row, one.col, one.x, one.y) for one in found.gcps[0]] == [(p.row, p.col, p.x, p.y) for p in points]
        assert found.gcps[1].to_epsg() == 32633


PICTURES = dict(
    rgb=Image.fromarray(RGB),
    grey=Image.fromarray(RGB[..., 0]),
    palette=Image.fromarray(RGB).quantize(40),
    sixteen_bits=Image.fromarray(RGB[..., 0].astype(np.uint16) * 257),
)


@pytest.mark.parametrize('kind', PICTURES)
def test_picture_files(tmp_path, kind):
    PICTURES[kind].save(tmp_path / 'a.png')
    model, writer = model_of(tmp_path / 'model')
    mask = predict_scene(model, writer, tmp_path / 'a.png')
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        labels = read_mask(mask)
    assert np.array_equal(labels, predict(model, tmp_path / 'a.png'))


def test_bands_of_any_depth(tmp_path):
    """What LoadImage does to a whole picture, it does to each window: bands, scale, and what is no data."""
    values = (RGB.astype(np.uint16) * 40)[..., [0, 1, 2, 2, 1]]
    values[300:320, 100:500] = 65535
    file = write_tiff(tmp_path / 'scene.tif', values, nodata=65535)
    load = dict(type='mmseg_vitseg.LoadImage', bands=(5, 1, 3), scale=(100, 9000), fill=20)
    pipeline = [load, dict(type='Resize', scale=(50, 50)), dict(type='PackSegInputs')]
    said = []
    model, writer = model_of(tmp_path / 'model', **{'test_dataloader.dataset.pipeline': pipeline})
    mask = read_mask(predict_scene(model, writer, file, say=said.append))
    assert "at its own size, without the test pipeline's Resize" in said[0]
    del model.cfg.test_dataloader.dataset.pipeline[1], model.pipeline
    assert np.array_equal(mask, np.where(values[..., 0] == 65535, 255, predict(model, file)))


class Killed(BaseException):
    pass


def killed_after(monkeypatch, parts: int) -> None:
    """Let a run end in the middle of writing a part."""
    add = Partial.add

    def add_or_die(self, part, count=iter(range(parts + 1))):
        if next(count) < parts:
            add(self, part)
            return
        whole = self.path.read_bytes()
        add(self, part)
        self.path.write_bytes(self.path.read_bytes()[: len(whole) + 300])
        raise Killed

    monkeypatch.setattr(Partial, 'add', add_or_die)


@pytest.fixture
def cut_off(tmp_path, scene, monkeypatch):
    """A model, its writer, and what its killed run has left."""
    model, writer = model_of(tmp_path / 'model')
    with monkeypatch.context() as patch:
        killed_after(patch, 2)
        with pytest.raises(Killed):
            predict_scene(model, writer, scene)
    assert not (writer.folder / 'scene_mask.tif').exists()
    return model, writer, writer.folder / 'scene_mask.tif.partial'


def test_a_killed_run_is_gone_on_with(cut_off, scene):
    model, writer, partial = cut_off
    with raises_with(ValueError, str(partial), '--resume goes on'):
        predict_scene(model, writer, scene)
    said = []
    mask = predict_scene(model, writer, scene, resume=True, say=said.append)
    assert '2 of 3 parts are done' in said[0]
    assert not partial.exists()
    assert np.array_equal(read_mask(mask), predict(model, RGB))
    written = mask.stat().st_mtime_ns
    areas = list(writer.areas.rows)
    predict_scene(model, writer, scene, resume=True, say=said.append)
    assert said[1].endswith('scene_mask.tif is there already')
    assert mask.stat().st_mtime_ns == written
    assert writer.areas.rows == areas * 2
    predict_scene(model, writer, scene)  # without --resume it is predicted anew
    assert mask.stat().st_mtime_ns > written


def test_the_tool(call, tmp_path, scene):
    """A small scene, and one that is cut off; a format that is not for scenes."""
    (tmp_path / 'in').mkdir()
    scene.rename(tmp_path / 'in/a.tif')
    (tmp_path / 'in/b.tif').write_bytes((tmp_path / 'in/a.tif').read_bytes()[:-300_000])
    config, weights = write_model(tmp_path, 'vit', 'segformer', {'model.test_cfg': SLIDE})
    command = f'predict {config} {weights} {tmp_path}/in --out {tmp_path}/out --scene yes --device cpu'
    result = call(command)
    assert result.status == 1
    assert 'a.tif: a scene of 540 x 620, in windows of 128 x 128 (model.test_cfg), every 96 x 96' in result.out
    assert [line.partition(': rows')[0] for line in result.err.splitlines()] == [f'left out: {tmp_path}/in/b.tif']
    assert np.array_equal(read_mask(tmp_path / 'out/a_mask.tif'), predict(load_model(config, weights, 'cpu'), RGB))
    assert {row['file'] for row in json.loads((tmp_path / 'out/areas.json').read_text())} == {f'{tmp_path}/in/a.tif'}
    assert call(f'{command} --resume --format coco').err.count('a scene, whose mask is a GeoTIFF, and no coco') == 2


def test_a_killed_process_is_gone_on_with(tmp_path, scene, call):
    """Killed by the system, at any moment behind its first part."""
    config, weights = write_model(tmp_path, 'vit', 'segformer', {'model.test_cfg': dict(SLIDE, stride=(32, 32))})
    arguments = f'{config} {weights} {scene} --out {tmp_path}/out --scene yes --device cpu'
    command = [sys.executable, ROOT / 'tools/predict.py', *arguments.split()]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    partial = tmp_path / 'out/scene_mask.tif.partial'
    while process.poll() is None and not (partial.exists() and partial.stat().st_size > 1000):
        time.sleep(0.01)
    process.send_signal(signal.SIGSTOP)
    refused = call(f'predict {arguments} --resume')  # both would write one file
    assert refused.status == 1
    assert f'another prediction of this scene writes there (process {process.pid} on ' in refused.err
    process.kill()
    assert process.wait() == -signal.SIGKILL
    done = partial.read_bytes()
    said = call(f'predict {arguments} --resume').out
    assert f'{done.count(b"crc32")} of 3 parts are done' in said
    assert np.array_equal(read_mask(tmp_path / 'out/scene_mask.tif'), predict(load_model(config, weights, 'cpu'), RGB))


def test_a_damaged_part_is_done_again(cut_off, scene):
    model, writer, partial = cut_off
    content = bytearray(partial.read_bytes())
    content[len(content) * 3 // 4] ^= 255  # of the second part
    partial.write_bytes(content)
    said = []
    assert np.array_equal(
        read_mask(predict_scene(model, writer, scene, resume=True, say=said.append)), predict(model, RGB)
    )
    assert '1 of 3 parts are done' in said[0]


def another_checkpoint(model, scene):
    model.decode_head.conv_seg.bias.data += 1


def another_config(model, scene):
    model.cfg.model.decode_head.dropout_ratio = 0.5


def another_scene(model, scene):
    write_tiff(scene, RGB[::-1])


def other_windows(model, scene):
    model.cfg.model.test_cfg.stride = (32, 32)


@pytest.mark.parametrize('change', [another_checkpoint, another_config, another_scene, other_windows])
def test_what_is_left_of_something_else_is_refused(cut_off, scene, change):
    model, writer, partial = cut_off
    change(model, scene)
    with raises_with(ValueError, f'{partial}: made with another ', change.__name__.split('_')[1], 'without --resume'):
        predict_scene(model, writer, scene, resume=True)
    predict_scene(model, writer, scene)
    assert not partial.exists()


def test_a_file_that_is_cut_off(tmp_path, scene):
    scene.write_bytes(scene.read_bytes()[: scene.stat().st_size * 3 // 4])
    model, writer = model_of(tmp_path / 'model')
    with raises_with(ValueError, str(scene), 'rows ', 'columns 0 to 620 cannot be read', 'cut off'):
        predict_scene(model, writer, scene)
    assert (writer.folder / 'scene_mask.tif.partial').exists()  # what was done before


@pytest.mark.parametrize(
    ('pixels', 'words'),
    [
        (np.zeros((300, 300, 5), np.uint8), ['5 bands of uint8', '-b 1 -b 2 -b 3', "bands='all'"]),
        (np.zeros((300, 300, 3), np.float32), ['3 bands of float32', "bands='all'"]),
    ],
)
def test_what_is_no_colours(tmp_path, pixels, words):
    model, writer = model_of(tmp_path / 'model')
    with raises_with(ValueError, 'x.tif', *words):
        predict_scene(model, writer, write_tiff(tmp_path / 'x.tif', pixels))


def test_a_geotiff_that_is_no_scene_is_read_in_silence(tmp_path, capfd):
    """OpenCV would warn of each of its tags."""
    model, _ = model_of(tmp_path / 'model')
    capfd.readouterr()
    file = write_tiff(tmp_path / 'x.tif', RGB, crs='EPSG:32633', transform=rasterio.Affine(1, 0, 5e5, 0, -1, 5e6))
    assert np.array_equal(predict(model, file), predict(model, RGB))
    assert 'WARN' not in capfd.readouterr().err


def test_a_picture_that_is_to_be_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(RGB).save(tmp_path / 'x.jpg', exif=exif)
    model, writer = model_of(tmp_path / 'model')
    with raises_with(ValueError, 'x.jpg', 'EXIF orientation 6'):
        predict_scene(model, writer, tmp_path / 'x.jpg')


def test_a_scene_without_any_data(tmp_path):
    model, writer = model_of(tmp_path / 'model', confidence=True)
    mask = predict_scene(model, writer, write_tiff(tmp_path / 'x.tif', np.zeros_like(RGB), nodata=0))
    assert (read_mask(mask) == 255).all()
    assert writer.areas.rows == []


def test_which_files_are_scenes(tmp_path, monkeypatch):
    Image.fromarray(RGB).save(tmp_path / 'a.png')
    tiff = write_tiff(tmp_path / 'a.tif', RGB)
    (tmp_path / 'b.tif').write_bytes(b'no TIFF')
    assert not any(is_large(path) for path in tmp_path.iterdir())
    monkeypatch.setattr(source, 'LARGE_TIFF', HEIGHT * WIDTH - 1)
    assert [is_large(tmp_path / name) for name in ('a.png', 'a.tif', 'b.tif')] == [False, True, False]
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1000)  # Pillow's limit does not matter
    assert is_large(tmp_path / 'a.png')
    assert is_large(tiff)


@pytest.mark.parametrize(
    ('changes', 'crop', 'stride', 'why'),
    [
        (dict(test_cfg=dict(mode='slide', crop_size=(48, 64), stride=(9, 8))), (48, 64), (9, 8), 'model.test_cfg'),
        (dict(test_cfg=dict(mode='slide', crop_size=(48, 64))), (48, 64), None, 'model.test_cfg'),
        (dict(data_preprocessor=dict(size=(90, 60))), (90, 60), (60, 40), 'model.data_preprocessor.size'),
        (dict(backbone=dict(img_size=60)), (60, 60), (40, 40), 'model.backbone.img_size'),
        (dict(), (512, 512), (341, 341), 'the default, as the config names no crop'),
    ],
)
def test_the_windows_of_a_config(changes, crop, stride, why):
    windows = windows_of(Config(dict(model={**dict(test_cfg=dict(mode='whole')), **changes})))
    assert (windows.crop, windows.stride, windows.why) == (crop, stride, why)


def test_the_windows_of_the_trainings_crop():
    steps = [dict(type='LoadImageFromFile'), dict(type='RandomCrop', crop_size=(90, 120))]
    dataset = dict(type='RepeatDataset', dataset=dict(type='ADE20KDataset', pipeline=steps))
    windows = windows_of(Config(dict(model=dict(backbone=dict(img_size=60)), train_dataloader=dict(dataset=dataset))))
    assert (windows.crop, windows.stride) == ((90, 120), (60, 80))


def test_the_windows_that_reach_into_a_part():
    starts = [0, 20, 40, 53]
    for first in range(83):
        for stop in range(first + 1, 84):
            expected = [index for index, start in enumerate(starts) if start < stop and start + 30 > first]
            assert [*reaching(starts, 30, first, stop)] == expected


@pytest.mark.parametrize('most', [1, 3, 5, 100])
def test_swaths_cover_the_width(most):
    lefts = list(range(0, 2000, 100))
    found = swaths(lefts, 2100, 200, most)
    assert [first for first, _ in found] == [0, *(stop for _, stop in found[:-1])]
    assert found[-1][1] == 2100
    assert all(stop % layout.TILE == 0 for _, stop in found[:-1])
    assert (len(found) == 1) == (most == 100)
