"""Masks that need a table: what is seen in them, and a line that, pasted, reads them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmseg_vitseg.checking.checks import check_config
from vitseg_tests.own_data import config_on

SIZE = (12, 16)
COLOURS = np.array([[0, 0, 0], [128, 64, 128], [220, 20, 60]], np.uint8)
SHARES = np.repeat([0, 1, 2], [140, 40, 12]).reshape(SIZE)  # 73, 21 and 6 %


def save(root: Path, mask: np.ndarray, count: int = 3, suffix: str = '.png') -> None:
    for folder in ('images', 'masks'):
        (root / folder).mkdir()
    for index in range(count):
        Image.new('RGB', mask.shape[1::-1]).save(root / f'images/{index}.jpg')
        Image.fromarray(mask).save(root / f'masks/{index}{suffix}')


def findings(cfg: Config) -> list:
    return check_config(cfg, track=lambda indices, name: indices)


def pasted(cfg: Config, fix: str, **changes) -> list:
    """What is found with the proposed line as the step that loads masks."""
    line = re.match(r'(dict\(.*?\)) in every pipeline', fix)
    cfg.train_dataloader.dataset.pipeline[1] = dict(eval(line[1]), **changes)
    return findings(cfg)


@pytest.mark.parametrize('step', ['LoadAnnotations', 'mmseg_vitseg.LoadMask'])
@pytest.mark.parametrize('backend', ['pillow', 'cv2'])
def test_colours(tmp_path, step, backend):
    save(tmp_path, COLOURS[SHARES])
    cfg = config_on(tmp_path)
    cfg.train_dataloader.dataset.pipeline[1] = dict(type=step, imdecode_backend=backend)
    (finding,) = findings(cfg)
    assert (finding.severity, finding.key) == ('error', 'train_dataloader.dataset')
    seen = '3 colours seen: (0, 0, 0) 72.9 %, (128, 64, 128) 20.8 %, (220, 20, 60) 6.25 %; masks are no maps of'
    assert finding.what.startswith(seen)
    table = {name: tuple(colour) for name, colour in zip('abc', COLOURS.tolist(), strict=True)}
    assert f'dict(type="mmseg_vitseg.LoadMask", colors={table}, classes={["a", "b", "c"]}) in every' in finding.fix
    assert 'it is a guess' in finding.fix
    assert pasted(cfg, finding.fix) == []


def test_colours_of_the_palette_are_no_guess(tmp_path):
    save(tmp_path, COLOURS[SHARES])
    palette = COLOURS[[2, 0, 1]].tolist()
    cfg = config_on(tmp_path, metainfo=dict(classes=['a', 'b', 'c'], palette=palette))
    (finding,) = findings(cfg)
    assert "{'b': (0, 0, 0), 'c': (128, 64, 128), 'a': (220, 20, 60)}" in finding.fix
    assert 'guess' not in finding.fix
    assert pasted(cfg, finding.fix) == []


def test_what_the_palette_does_not_have_is_void(tmp_path):
    save(tmp_path, COLOURS[SHARES])
    cfg = config_on(tmp_path, metainfo=dict(classes=['a', 'b'], palette=COLOURS[[2, 1]].tolist()))
    cfg.model.decode_head.num_classes = 2
    (finding,) = findings(cfg)
    assert "{'b': (128, 64, 128), 'a': (220, 20, 60)}, void=[(0, 0, 0)], classes" in finding.fix
    assert pasted(cfg, finding.fix) == []


@pytest.mark.parametrize(
    ('classes', 'words', 'changes'),
    [
        (
            ['a', 'b'],
            r"'class_2': \(220, 20, 60\).*; what is no class \(class_2\) goes into void=",
            dict(merge={'*': None}),
        ),
        (['a', 'b', 'c', 'd'], r"'c': \(220, 20, 60\).*; no colour was seen of d, and it needs one", None),
    ],
)
def test_more_or_fewer_colours_than_classes(tmp_path, classes, words, changes):
    save(tmp_path, COLOURS[SHARES])
    cfg = config_on(tmp_path, metainfo=dict(classes=classes))
    cfg.model.decode_head.num_classes = len(classes)
    (finding,) = findings(cfg)
    assert re.search(words, finding.fix)
    if changes:
        assert pasted(cfg, finding.fix, **changes) == []


def test_smooth_edges_are_said(tmp_path):
    blocks = np.array(Image.fromarray(COLOURS[np.tri(4, dtype=int) + np.eye(4, dtype=int)]).resize((200, 200), 0))
    mask = np.array(Image.fromarray(blocks).resize((203, 203), Image.Resampling.BILINEAR))
    save(tmp_path, mask)
    (finding,) = findings(config_on(tmp_path))
    assert re.match(r'3 colours seen: .*, and \d+ mixtures of them in .* % .* anti-aliased\?', finding.what)
    assert 'class_' not in finding.fix


def test_values(tmp_path):
    save(tmp_path, np.array([1001, 24000, 3], np.uint16)[SHARES])
    Image.fromarray(np.full(SIZE, 3, np.uint8)).save(tmp_path / 'masks/1.png')  # which by itself could be labels
    cfg = config_on(tmp_path)
    finding, other = findings(cfg)
    assert finding.what.startswith('3 values seen: 1001 48.6 %, 3 37.5 %, 24000 13.9 %; masks are no maps')
    assert "values={'a': 3, 'b': 1001, 'c': 24000}" in finding.fix
    assert 'by size' in finding.fix
    assert '3 in 1 of 1 masks' in other.what
    assert pasted(cfg, finding.fix) == []


def test_pictures_in_place_of_masks(tmp_path):
    save(tmp_path, np.random.default_rng(0).integers(0, 256, (50, 50, 3), np.uint8))
    (finding,) = findings(config_on(tmp_path))
    assert finding.what.startswith('2500 colours seen: ')
    assert finding.fix == '2500 are too many for classes; look at the masks'


def test_many_values_are_no_classes(tmp_path):
    save(tmp_path, np.arange(192 * 2, dtype=np.uint16).reshape(12, 32) * 7)
    (finding,) = findings(config_on(tmp_path))
    assert '384 are too many for classes; look at the masks' in finding.fix


@pytest.mark.parametrize('loader', ['train', 'val'])
def test_classes_of_the_step_and_of_the_data_set(tmp_path, loader):
    save(tmp_path, COLOURS[SHARES])
    cfg = config_on(tmp_path)
    table = dict(zip('abc', COLOURS.tolist(), strict=True))
    step = dict(type='LoadAnnotations', _scope_='mmseg_vitseg', colors=table, classes=['b', 'a', 'c'])
    cfg.train_dataloader.dataset.pipeline[1] = dict(step, classes=['a', 'b', 'c'])
    assert findings(cfg) == []
    if loader == 'val':
        cfg.val_dataloader = dict(batch_size=1, num_workers=0, dataset=dict(cfg.train_dataloader.dataset))
    cfg[f'{loader}_dataloader'].dataset.pipeline = [dict(type='LoadImageFromFile'), step, dict(type='PackSegInputs')]
    (finding,) = check_config(cfg)
    assert finding.key == f'{loader}_dataloader.dataset.pipeline.1.classes'
    assert '3 classes (b, a, c), and' in finding.what


def test_pictures_of_a_coco_json(tmp_path):
    save(tmp_path, SHARES.astype(np.uint8), count=4)
    images = [dict(id=key, file_name=f'{key}.jpg', height=12, width=16) for key in range(3)]
    drawn = [dict(id=0, image_id=0, category_id=1, segmentation=[[2, 2, 9, 2, 9, 9]])]
    content = dict(images=images, annotations=drawn, categories=[dict(id=1, name='b'), dict(id=2, name='c')])
    (tmp_path / 'a.json').write_text(json.dumps(content))
    step = dict(type='mmseg_vitseg.LoadMask', coco=f'{tmp_path}/a.json', classes=['a', 'b', 'c'], background='a')
    cfg = config_on(tmp_path, data_prefix=dict(img_path='images'))
    cfg.train_dataloader.dataset.pipeline[1] = step
    damaged, missing, empty = findings(cfg)
    assert '3.jpg: not in ' in damaged.what
    assert missing.what.startswith('1 of 4 pictures are not in') and missing.severity == 'error'
    assert empty.what.startswith('2 of 4 pictures have no annotation in') and empty.severity == 'warning'
    assert empty.why == 'all of each is taken for a'
    step['merge'] = dict(d='b')
    (finding,) = findings(cfg)  # of the step, not of each picture
    assert "merge has 'd', and" in finding.what
    assert finding.fix.startswith('as is said there')
    step['merge'] = dict(b='b', c=None)
    cfg.train_dataloader.dataset.pipeline[1] = dict(step, background=None)
    (finding,) = findings(cfg)
    assert 'background is for coco' in finding.what
    assert finding.fix == 'train_dataloader.dataset: change the setting that is named'
