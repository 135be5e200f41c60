"""What a sample of the data says: data made to be wrong in one way."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_vitseg.checking.checks import check_config
from mmseg_vitseg.checking.starting_weights import SOURCES
from mmseg_vitseg.datasets.masks import NODATA
from vitseg_tests.own_data import config_on
from vitseg_tests.paths import config_path

SIZE = (12, 16)


def save(root: Path, masks: list[np.ndarray], size: tuple[int, int] = SIZE) -> None:
    for folder in ('images', 'masks'):
        (root / folder).mkdir()
    for index, mask in enumerate(masks):
        Image.new('RGB', size[::-1]).save(root / f'images/{index}.jpg')
        Image.fromarray(mask).save(root / f'masks/{index}.png')


def masks(*labels: int, count: int = 3) -> list[np.ndarray]:
    return [np.resize(np.array(labels, np.uint8), SIZE) for _ in range(count)]


def test_the_folders_of_a_training_that_starts(tmp_path):
    cfg = config_on(tmp_path)
    cfg.train_dataloader.dataset.data_root = 'none'
    assert check_config(cfg) == []
    (finding,) = check_config(cfg, starting=True)
    assert (finding.severity, finding.key) == ('error', 'train_dataloader.dataset.data_root')
    assert 'train_dataloader.dataset.data_root=FOLDER' in finding.fix
    cfg.train_dataloader.dataset.data_root = str(tmp_path)
    assert check_config(cfg, starting=True) == []


def test_how_data_are_named_or_fetched(monkeypatch):
    for name in ('PET_ROOT', 'ADE20K_ROOT', 'PRETRAINED'):
        monkeypatch.delenv(name, raising=False)
    (finding,) = check_config(Config.fromfile(config_path('fcn_pet')), starting=True)
    assert finding.fix.startswith(
        'python tools/prepare_pet.py --out data/oxford-iiit-pet fetches it, or write PET_ROOT='
    )
    weights, data = check_config(Config.fromfile(config_path('setr_pup_ade20k')), starting=True)
    assert 'write PRETRAINED=FILE before the command' in weights.fix
    assert 'write ADE20K_ROOT=FOLDER before the command' in data.fix
    for finding in (weights, data):
        assert SOURCES in finding.fix
    assert (config_path('fcn_pet').parents[1] / SOURCES).is_file()


def check(cfg: Config) -> list:
    return check_config(cfg, track=lambda indices, name: indices)


@pytest.mark.parametrize(
    ('labels', 'changes'),
    [
        ((0, 1, 2, 255), {}),
        ((0, 1), {}),
        ((0, 1, 2, 3), dict(reduce_zero_label=True)),
        ((1, 2), dict(reduce_zero_label=True)),
    ],
)
def test_right_data(tmp_path, labels, changes):
    save(tmp_path, masks(*labels))
    assert check(config_on(tmp_path, **changes)) == []


@pytest.mark.parametrize(
    ('labels', 'changes', 'severity', 'key', 'words'),
    [
        ((0, 1, 2, 3), {}, 'error', '.reduce_zero_label', ('3 in 3 of 3 masks', '0.png', 'reduce_zero_label=True')),
        ((0, 7, 9), {}, 'error', '', ('7 in 3 of 3', '9 in 3 of 3', 'classes are 0 to 2', 'convert the masks')),
        (
            (0, 1, 2),
            dict(reduce_zero_label=True),
            'warning',
            '.reduce_zero_label',
            ('none has 3', 'reduce_zero_label=False'),
        ),
        ((255,), {}, 'error', '', ('all pixels are 255', 'look at the masks')),
    ],
)
def test_labels(tmp_path, labels, changes, severity, key, words):
    save(tmp_path, masks(*labels))
    (finding,) = check(config_on(tmp_path, **changes))
    assert (finding.severity, finding.key) == (severity, f'train_dataloader.dataset{key}')
    for word in words:
        assert word in str(finding)


VALUES = 'dict(type="mmseg_vitseg.LoadMask", values={%s}) in every pipeline'


@pytest.mark.parametrize(
    ('labels', 'names', 'severity', 'words'),
    [
        ((0, 255), 2, 'warning', ('class 1 (b) is in no mask of 3, and 255 is in all', VALUES % '0: 0, 255: 1')),
        ((1, 255), 2, 'warning', ('class 0 (a) is in no mask', 'is 255 your object?', VALUES % '1: 0, 255: 1')),
        ((0, 1, 255), 3, 'warning', ('class 2 (c) is in no mask', VALUES % '0: 0, 1: 1, 255: 2')),
        ((0, 255), 3, 'warning', ('class 1 (b), 2 (c) is in no mask', 'else convert the masks')),
        ((0, 128), 2, 'error', ('128 in 3 of 3 masks', VALUES % '0: 0, 128: 1')),
        ((0, 100, 200), 3, 'error', ('100 in 3 of 3', VALUES % '0: 0, 100: 1, 200: 2')),
    ],
)
def test_values_that_stand_for_classes(tmp_path, labels, names, severity, words):
    save(tmp_path, masks(*labels))
    cfg = config_on(tmp_path)
    cfg.train_dataloader.dataset.metainfo.classes = list('abc')[:names]
    cfg.model.decode_head.num_classes = names
    if 'auxiliary_head' in cfg.model:
        cfg.model.auxiliary_head.num_classes = names
    (finding,) = check(cfg)
    assert (finding.severity, finding.key) == (severity, 'train_dataloader.dataset')
    for word in words:
        assert word in str(finding)
    if severity == 'warning':
        (early,) = check_config(cfg, starting=True)
        assert early == finding
    if VALUES[-20:] in str(finding):  # the remedy is one
        values = dict(zip(labels, range(names), strict=True))
        cfg.train_dataloader.dataset.pipeline[1] = dict(type='mmseg_vitseg.LoadMask', values=values)
        assert check(cfg) == check_config(cfg, starting=True) == []


@pytest.mark.parametrize(
    ('step', 'names'),
    [(dict(void=9), 2), (dict(reduce_zero_label=None), 21)],  # the config says what is ignored; of many classes
)
def test_ignored_pixels_that_are_no_object(tmp_path, step, names):
    save(tmp_path, masks(*range(names - 1), 9 if 'void' in step else 255))
    cfg = config_on(tmp_path)
    cfg.train_dataloader.dataset.metainfo.classes = [str(index) for index in range(names)]
    cfg.model.decode_head.num_classes = names
    cfg.train_dataloader.dataset.pipeline[1] = dict(type='mmseg_vitseg.LoadMask', **step)
    assert check(cfg) == check_config(cfg, starting=True) == []


def test_a_class_that_a_tag_calls_no_data(tmp_path):
    """GDAL's tools write 0 for no data often; the masks' own 0 is a class here."""
    save(tmp_path, masks(0, 1, 2))
    for path in (tmp_path / 'masks').glob('*.png'):
        Image.open(path).save(path.with_suffix('.tif'), tiffinfo={NODATA: '0'})
    cfg = config_on(tmp_path, seg_map_suffix='.tif')
    step = cfg.train_dataloader.dataset.pipeline[1] = dict(type='mmseg_vitseg.LoadMask')
    (finding,) = check(cfg)
    assert 'class 0 (a) is in no mask of 3, and 0 is no data, says a tag of ' in finding.what
    assert 'values=range(3), void=255) in every pipeline' in finding.fix
    assert check_config(cfg, starting=True) == [finding]
    cfg.train_dataloader.dataset.pipeline[1] = dict(step, values=range(3), void=255)
    assert check(cfg) == []


def test_the_ignored_label_is_the_heads(tmp_path):
    save(tmp_path, masks(0, 1, 2, 255))
    cfg = config_on(tmp_path)
    cfg.model.decode_head.ignore_index = 254
    (finding,) = check(cfg)
    assert 'ignore_index=254' in finding.what
    assert 'ignore_index=255' in finding.fix


def test_masks_of_another_size_or_in_colours(tmp_path):
    save(tmp_path, masks(0, 1), size=(16, 12))
    (finding,) = check(config_on(tmp_path))
    assert finding.severity == 'error'
    assert '12 x 16, its picture 16 x 12' in finding.what
    for index in range(3):
        Image.fromarray(np.zeros((16, 12, 3), np.uint8)).save(tmp_path / f'masks/{index}.png')
    cfg = config_on(tmp_path)
    cfg.train_dataloader.dataset.pipeline[1].imdecode_backend = 'cv2'
    (finding,) = check(cfg)
    assert 'one label a pixel' in finding.what


def test_damaged_missing_and_no_files(tmp_path):
    save(tmp_path, masks(0, 1, count=5))
    (tmp_path / 'masks/2.png').write_bytes(b'no picture')
    (tmp_path / 'masks/4.png').unlink()
    (finding,) = check(config_on(tmp_path))
    assert finding.severity == 'error'
    assert '2.jpg' in finding.what
    assert '4.png' in finding.what
    (finding,) = check(config_on(tmp_path, img_suffix='.tif'))
    assert 'finds no pictures' in finding.what
    cfg = config_on(tmp_path)
    cfg.train_dataloader.dataset.data_root = 'nowhere'
    (finding,) = check(cfg)
    assert (finding.severity, finding.key) == ('error', 'train_dataloader.dataset')
    assert 'nowhere' in finding.what


def test_classes_that_only_the_data_set_knows(tmp_path):
    save(tmp_path, masks(0, 1, 2, 3))
    (tmp_path / 'classes.txt').write_text('a\nb\nc\nd\n')
    cfg = config_on(tmp_path)
    cfg.train_dataloader.dataset.metainfo = dict(classes=str(tmp_path / 'classes.txt'))
    (finding,) = check(cfg)
    assert (finding.severity, finding.key) == ('error', 'model.decode_head.num_classes')
    assert '3, and BaseSegDataset has 4 classes' in finding.what


def test_a_sample_of_many_and_data_of_ours():
    cfg, asked = Config.fromfile(config_path('quickstart')), []
    assert check_config(cfg, track=lambda indices, name: asked.append((name, indices)) or indices) == []
    (train, indices), (val, _) = asked
    assert (train, val) == ('train_dataloader.dataset', 'val_dataloader.dataset')
    assert (len(indices), indices[0], indices[-1]) == (64, 0, 1023)


def test_real_pets(pet_root):
    cfg = Config.fromfile(config_path('vit_tiny_linear_pet'))
    for loader in ('train_dataloader', 'val_dataloader'):
        cfg[loader].dataset.data_root = str(pet_root)
    assert check(cfg) == []


def test_a_folder_of_data_that_is_missing_is_said_once(monkeypatch):
    monkeypatch.delenv('CAMVID_ROOT', raising=False)
    (finding,) = check(Config.fromfile(config_path('segformer_b0_camvid')))
    assert "no folder 'data/camvid'" in finding.what
    assert 'write CAMVID_ROOT=FOLDER before the command' in finding.fix


@pytest.mark.parametrize('step', ['LoadAnnotations', 'mmseg_vitseg.LoadMask'])
@pytest.mark.parametrize(
    ('suffix', 'mode', 'words'), [('.jpg', 'L', ('a JPEG', 'PNG')), ('.png', 'LA', ('2 channels', 'keep one channel'))]
)
def test_masks_that_the_host_would_take_for_labels(tmp_path, step, suffix, mode, words):
    save(tmp_path, [])
    Image.new('RGB', (16, 12)).save(tmp_path / 'images/0.jpg')
    Image.new('L', (16, 12), 1).convert(mode).save(tmp_path / f'masks/0{suffix}')
    cfg = config_on(tmp_path, seg_map_suffix=suffix)
    cfg.train_dataloader.dataset.pipeline[1].type = step
    (finding,) = check(cfg)
    assert finding.severity == 'error'
    for word in ('masks are no maps of one label a pixel', f'0{suffix} ({words[0]}'):
        assert word in finding.what
    assert words[1] in finding.fix
    assert 'fetch it' not in str(finding)
