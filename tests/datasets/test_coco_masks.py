"""Masks drawn from a COCO json, beside pycocotools' own COCO and annToMask."""

import contextlib
import io
import json

import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_vitseg.datasets import LoadMask
from mmseg_vitseg.datasets.reader import Reader, run_steps

SIZE = (40, 60)
CLASSES = ('grass', 'cat', 'vehicle')
MERGE = {'bus': 'vehicle', 'car': 'vehicle', 'crowd': None}
SQUARE = [[10, 10, 30, 10, 30, 30, 10, 30]]
LARGE = [[2, 1, 58.5, 3, 55, 38, 4.5, 39]]
TWO_PARTS = [[5, 5, 9.5, 5, 9, 12], [40, 20, 50, 20, 45, 30.5]]
RUNS = dict(size=list(SIZE), counts=[500, 120, 900, 30, 850])


def annotation(key: int, category: int, segmentation, image: int = 1, **others) -> dict:
    return dict(id=key, image_id=image, category_id=category, segmentation=segmentation, **others)


def content(*annotations: dict, name: str = 'a.jpg') -> dict:
    height, width = SIZE
    return dict(
        images=[
            dict(id=1, file_name=name, height=height, width=width),
            dict(id=2, file_name='empty.jpg', height=height, width=width),
        ],
        categories=[dict(id=0, name='all')]  # as Roboflow writes, and nothing is of it
        + [dict(id=key, name=name) for key, name in ((3, 'cat'), (5, 'bus'), (7, 'car'), (9, 'crowd'))],
        annotations=list(annotations),
    )


def load(root, written: dict | str, name: str = 'a.jpg', **step) -> np.ndarray:
    (root / 'images').mkdir(exist_ok=True)
    Image.new('RGB', SIZE[::-1]).save(root / f'images/{name}')
    (root / 'a.json').write_text(written if isinstance(written, str) else json.dumps(written))
    settings = dict(coco=str(root / 'a.json'), classes=CLASSES, merge=MERGE, background='grass')
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations', _scope_='mmseg_vitseg', **dict(settings, **step)),
    ]
    data = dict(type='BaseSegDataset', data_root=str(root), data_prefix=dict(img_path='images'), pipeline=pipeline)
    dataset = DATASETS.build(dict(data, metainfo=dict(classes=CLASSES), serialize_data=False))
    return dataset[0]['gt_seg_map']


def of_pycocotools(root) -> dict[int, np.ndarray]:
    """Each annotation's mask, as annToMask draws it."""
    coco = pytest.importorskip('pycocotools.coco', reason='needs the extra coco')
    with contextlib.redirect_stdout(io.StringIO()):
        found = coco.COCO(str(root / 'a.json'))
    return {key: found.annToMask(one).astype(bool) for key, one in found.anns.items()}


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
@pytest.mark.parametrize('background', ['grass', 255])
def test_equal_to_ann_to_mask(tmp_path, background):
    """Polygons, of parts, run lengths, compressed and not; small ones over large ones, whatever their order."""
    mask = pytest.importorskip('pycocotools.mask', reason='needs the extra coco')
    packed = mask.frPyObjects(dict(size=list(SIZE), counts=[1300, 70, 1030]), *SIZE)
    packed['counts'] = packed['counts'].decode()
    written = content(
        annotation(1, 3, SQUARE),
        annotation(2, 5, LARGE),
        annotation(3, 7, TWO_PARTS),
        annotation(4, 9, RUNS, iscrowd=1),
        annotation(5, 7, packed),
    )
    if background == 255:
        written['categories'].append(dict(id=11, name='grass'))
    found = load(tmp_path, written, background=background)
    expected = np.full(SIZE, 255 if background == 255 else 0)
    masks = of_pycocotools(tmp_path)
    for key in sorted(masks, key=lambda key: -masks[key].sum()):
        expected[masks[key]] = {1: 1, 2: 2, 3: 2, 4: 255, 5: 2}[key]
    assert found.dtype == np.uint8
    assert np.array_equal(found, expected)
    assert {1, 2, 255} <= {*np.unique(found).tolist()}


def test_of_two_as_large_the_later_one_is_on_top(tmp_path):
    for order in ((3, 5), (5, 3)):
        found = load(tmp_path, content(*(annotation(key, key, SQUARE) for key in order)))
        assert found[20, 20] == {3: 1, 5: 2}[order[1]]


@pytest.mark.parametrize('name', ['a.jpg', 'images/a.jpg', './a.jpg', 'images\\a.jpg'])
def test_how_pictures_are_named(tmp_path, name):
    assert load(tmp_path, content(annotation(1, 3, SQUARE), name=name))[20, 20] == 1


def test_the_longest_name_counts(tmp_path):
    written = content(annotation(1, 3, SQUARE))
    written['images'].append(dict(written['images'][0], id=4, file_name='images/a.jpg'))
    assert load(tmp_path, written)[20, 20] == 0


def test_a_picture_without_annotations_is_background(tmp_path):
    assert (load(tmp_path, content(), name='empty.jpg') == 0).all()


def changed(**parts) -> dict:
    return {**content(annotation(1, 3, SQUARE)), **parts}


@pytest.mark.parametrize(
    ('written', 'step', 'words'),
    [
        (
            content(name='other/a.jpg'),
            {},
            r"images/a.jpg: not in .*a.json, whose 2 pictures .*as in 'other/a.jpg'; add it",
        ),
        (content(annotation(1, 3, [])), {}, r'a.json: annotation 1 of .*a.jpg has no segmentation; draw a polygon'),
        (content(annotation(1, 3, [[1, 2, 3]])), {}, r'a.json: annotation 1 of .*a.jpg cannot be drawn .*\[x, y, x, y'),
        (
            content(annotation(1, 3, [[5, 5, 20, 9]])),
            {},
            r'annotation 1 of .* drawn \(a polygon of 2 points; it needs 3\)',
        ),  # no box
        (
            content(annotation(1, 3, dict(size=[9, 9], counts='12'))),
            {},
            'annotation 1 of .*, its picture 40 x 60|cannot be drawn',
        ),
        (content(annotation(1, 4, SQUARE)), {}, 'a.json: annotation 1 has the category_id 4, which is not there'),
        (content(annotation(1, 3, SQUARE, image=8)), {}, 'a.json: annotation 1 has the image_id 8, which is not there'),
        (
            content(annotation(1, 0, SQUARE)),
            {},
            r"a.json has all, not in classes; say what becomes .*merge=\{'all': CLASS",
        ),
        (
            content(),
            dict(merge={}),
            r"a.json has no such name|a.json has 'car'|classes has vehicle, and .*a.json has no such",
        ),
        (changed(images=[dict(id=1, file_name='a.jpg', height=9, width=9)]), {}, 'mask is 9 x 9, its image .*40 x 60'),
        (changed(images=2 * content()['images']), {}, "a.json: two pictures have the file_name 'a.jpg'"),
        (changed(images=[dict(id=1)]), {}, "a.json: no COCO json of images .*KeyError 'file_name'"),
        ('[]', {}, 'a.json: no COCO json of images'),
        ('{', {}, 'a.json: no json, or damaged'),
        (content(), dict(merge={'crowed': None}), r"json does not \('crowd' is meant\?\); it has all, cat, bus"),
        (content(), dict(background='sky'), "LoadMask: coco with background='sky'; say what .*classes=.*grass.*or 255"),
        (content(), dict(background=None), 'LoadMask: background is for coco, and needed there'),
        (content(), dict(void=9), 'void is for values and colors'),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, written, step, words):
    with pytest.raises(ValueError, match=words) as info:
        load(tmp_path, written, **step)
    assert '\n' not in str(info.value)


def test_a_json_that_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none.json: no such file, which LoadMask\(coco=\.\.\.\) names'):
        load(tmp_path, content(), coco='none.json')


def test_a_file_alone_needs_no_json(tmp_path):
    """As predict.py reads pictures through a test pipeline that loads masks."""
    load(tmp_path, content(annotation(1, 3, SQUARE)))
    step = LoadMask(coco='none.json', classes=CLASSES, background='grass')
    alone = Reader([]).file(str(tmp_path / 'images/a.jpg'))
    assert 'gt_seg_map' not in run_steps([step], alone)
