"""The tools on a stranger's config, the host's data set with our steps by _scope_: one answer whatever form masks have."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from PIL import Image

from mmseg_vitseg.datasets import LoadMask
from vitseg_tests.breaking import check_end, cut, picture, replaced, text

CONFIG = """
default_scope = 'mmseg'
custom_imports = dict(imports=['mmseg_vitseg.models', 'mmseg_vitseg.datasets'])
classes = ('grass', 'pond', 'path')
palette = [[0, 160, 0], [0, 0, 200], [120, 90, 60]]
model = dict(
    type='mmseg_vitseg.EncoderDecoder',
    data_preprocessor=dict(type='SegDataPreProcessor', size_divisor=1, mean=[99.0] * 3, std=[58.0] * 3),
    backbone=dict(
        type='mmseg_vitseg.VisionTransformer', img_size=32, patch_size=8, embed_dims=16, num_layers=1, num_heads=2
    ),
    decode_head=dict(type='mmseg_vitseg.LinearPatchHead', in_channels=16, num_classes=3, patch_size=8),
    test_cfg=dict(mode='whole'),
)
load = [dict(type='LoadImageFromFile', _scope_='mmseg_vitseg'), MASK]
data = dict(
    type='BaseSegDataset', data_root='yard', data_prefix=PREFIX, metainfo=dict(classes=classes, palette=palette)
)
loader = dict(batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False))
train_dataloader = dict(dataset=dict(data, pipeline=[*load, dict(type='PackSegInputs')]), **loader)
test_dataloader = dict(loader, batch_size=1, dataset=dict(data, pipeline=[*load, dict(type='PackSegInputs')]))
test_evaluator = dict(type='IoUMetric')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2)
default_hooks = dict(logger=dict(type='LoggerHook', interval=1))
log_processor = dict(by_epoch=False, window_size=1)
randomness = dict(seed=0)
tta_model = dict(type='SegTTAModel')
tta_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='RandomFlip', prob=prob, direction='horizontal') for prob in (0.0, 1.0)],
            [dict(type='LoadAnnotations')],
            [dict(type='PackSegInputs')],
        ],
    ),
]
"""
OURS = "dict(type='LoadAnnotations', _scope_='mmseg_vitseg', {})"
TABLE = 'dict(grass=(0, 160, 0), water=(0, 0, 200), path=[(120, 90, 60), (90, 60, 30)])'
FORMS = {  # the name of a config -> its step, and its folder of masks
    'of_host': ("dict(type='LoadAnnotations')", 'masks'),
    'colours': (OURS.format(f"colors={TABLE}, merge=dict(water='pond'), classes=classes, void='#FFFFFF'"), 'coloured'),
    'values': (OURS.format('values={700: 0, 3: 1, 9: 2, 65535: 255}'), 'wide'),
    'coco': (OURS.format("coco='yard/yard.json', classes=classes, merge=dict(hole=None), background='grass'"), None),
}
SIZE = (32, 40)


@pytest.fixture
def yard(tmp_path, monkeypatch) -> Path:
    """A folder of four pictures whose masks are in every form; void pixels in each, a config for each form."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for folder in ('images', 'masks', 'coloured', 'wide'):
        Path('yard', folder).mkdir(parents=True)
    colours = np.full((256, 3), 255, np.uint8)
    colours[:3] = [[0, 160, 0], [0, 0, 200], [120, 90, 60]]
    values = np.full(256, 65535, np.uint16)
    values[:3] = [700, 3, 9]
    images, annotations = [], []
    for key in range(4):
        labels = np.zeros(SIZE, np.uint8)
        for label, size in ((1, 16), (2, 9), (255, 4)):
            x, y = rng.integers(0, 20, 2).tolist()
            labels[y : y + size, x : x + size] = label  # the small ones over the large ones
            box = [x, y, x + size, y, x + size, y + size, x, y + size]
            annotations.append(dict(id=len(annotations), image_id=key, category_id=label, segmentation=[box]))
        images.append(dict(id=key, file_name=f'{key}.jpg', height=SIZE[0], width=SIZE[1]))
        Image.fromarray(rng.integers(0, 256, (*SIZE, 3), np.uint8)).save(f'yard/images/{key}.jpg')
        Image.fromarray(labels).save(f'yard/masks/{key}.png')
        coloured = colours[labels]
        coloured[(labels == 2) & (rng.random(SIZE) < 0.5)] = (90, 60, 30)
        Image.fromarray(coloured).save(f'yard/coloured/{key}.png')
        Image.fromarray(values[labels]).save(f'yard/wide/{key}.png')
    categories = [dict(id=key, name=name) for key, name in ((1, 'pond'), (2, 'path'), (255, 'hole'))]
    content = dict(images=images, annotations=annotations, categories=categories)
    Path('yard/yard.json').write_text(json.dumps(content))
    for name, (step, folder) in FORMS.items():
        prefix = dict(img_path='images', **({'seg_map_path': folder} if folder else {}))
        Path(f'{name}.py').write_text(CONFIG.replace('MASK', step).replace('PREFIX', repr(prefix)))
    torch.manual_seed(0)
    torch.save({'state_dict': MODELS.build(Config.fromfile('colours.py').model).state_dict()}, 'small.pth')
    return tmp_path


def numbers(log: str) -> list[str]:
    """The scores of test.py, or the losses of train.py."""
    return re.findall(r'(?:mIoU|mAcc|aAcc|loss): +([0-9.]+)', log)


@pytest.mark.parametrize('line', ['train {}.py', 'test {}.py small.pth', 'test {}.py small.pth --tta'])
def test_the_same_numbers_as_of_the_hosts_step_on_index_masks(yard, call, line):
    expected, *found = (call(line.format(form)) for form in FORMS)
    assert len(numbers(expected.out)) >= 2
    for one in found:
        assert one.status == expected.status == 0, one.err + expected.err
        assert numbers(one.out) == numbers(expected.out)


@pytest.mark.parametrize('form', ['colours', 'coco'])
def test_the_other_tools(yard, call, form):
    assert call(f'check_config {form}.py --data').status == 0
    for line in (
        f'report {form}.py small.pth --out report',
        f'compare --a {form}.py small.pth --b of_host.py small.pth --out sheet.png',
        f'predict {form}.py small.pth yard/images other.jpg --out out',
    ):
        Image.new('RGB', (40, 32)).save('other.jpg')  # of no data set: nothing is asked for its mask
        result = call(line)
        assert (result.status, result.err) == (0, ''), result.err
    mask = Image.open('out/other_mask.png')
    assert mask.mode == 'P'  # indices of the classes, in the palette's colours, whatever the masks were
    assert mask.getpalette()[:9] == [0, 160, 0, 0, 0, 200, 120, 90, 60]


def test_what_predict_writes_as_coco_is_read_as_masks(yard, call):
    pytest.importorskip('rasterio', reason='needs the extra geo')
    for options in ('--out png', '--out coco --format coco'):
        assert call(f'predict colours.py small.pth yard/images {options}').status == 0
    files = sorted(Path('coco').glob('instances*.json'))
    assert len(files) == 2  # of run lengths, of polygons
    for file in files:
        step = LoadMask(coco=str(file), classes=('grass', 'pond', 'path'), background=255)
        for key in range(4):
            mask = step(dict(img_path=f'yard/images/{key}.jpg', reduce_zero_label=False, seg_fields=[]))['gt_seg_map']
            assert np.array_equal(mask, np.array(Image.open(f'png/{key}_mask.png')))


JSON, COLOURED = 'yard/yard.json', 'yard/coloured/0.png'
WRONG = [
    ('coco', JSON, Path.unlink, f'{JSON}: no such file, which LoadMask.coco=.... names'),
    ('coco', JSON, text('{'), f'{JSON}: no json, or damaged'),
    ('coco', JSON, text('{"images": []}'), f"{JSON}: no COCO json of images .*'categories'"),
    (
        'coco',
        JSON,
        replaced('"0.jpg"', '"x.jpg"'),
        f"0.jpg: not in {JSON}, whose 4 pictures .*as in 'x.jpg'; add it, or",
    ),
    ('coco', JSON, replaced('"pond"', '"lake"'), f'{JSON} has lake, not in classes; say what becomes of them: merge='),
    ('coco', JSON, replaced('"height": 32', '"height": 9'), f'{JSON}: the mask is 9 x 40, its image .*0.jpg 32 x 40'),
    (
        'colours',
        COLOURED,
        picture('RGB', (40, 32), (9, 9, 9)),
        f'{COLOURED}: 1280 pixels .*9, 9, 9. in 1280, first at x 0',
    ),
    ('colours', COLOURED, picture('RGBA', (40, 32), (0, 160, 0, 7)), f'{COLOURED}: 1280 pixels are half transparent'),
    ('colours', COLOURED, picture('I;16', (40, 32)), f'{COLOURED}: pixels of mode I;16, which are no colours'),
    ('colours', COLOURED, picture('RGB', (32, 40), (0, 160, 0)), f'{COLOURED}: the mask is 40 x 32, its image'),
    ('colours', COLOURED, cut(60), f'{COLOURED}: not a mask, or damaged'),
    ('colours', 'colours.py', replaced("'#FFFFFF'", "'#FFF'"), "LoadMask: '#FFF' is no colour; allowed: .R, G, B."),
    ('colours', 'colours.py', replaced('water=(', 'watr=('), "LoadMask: merge has 'water', and colors does not"),
    (
        'values',
        'yard/wide/0.png',
        picture('I;16', (40, 32), 8),
        'wide/0.png: the mask has the value 8; allowed: 3, 9, 700',
    ),
]


@pytest.mark.parametrize(('form', 'name', 'way', 'words'), WRONG)
def test_what_is_wrong_is_one_line(yard, call, form, name, way, words):
    way(Path(name))
    check_end(call, f'train {form}.py', words)
