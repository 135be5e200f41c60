"""Bad pictures, masks and split files through the commands' own command lines."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vitseg_tests.breaking import (
    COMPARE,
    LEFT_OUT,
    PREDICT,
    TEST,
    TRAIN,
    WORKS,
    a_folder,
    all_masks,
    check_end,
    cut,
    picture,
    replaced,
    text,
)

DAMAGED = 'not a picture, or damaged'
LONG, TALL = picture('RGB', (20000, 3)), picture('RGB', (3, 20000))
TWO_FRAMES = picture('P', (9, 9), save_all=True, append_images=[Image.new('P', (9, 9), 5)])
PREDICTED = [
    ('x.png', text(''), f'{LEFT_OUT}x.png: {DAMAGED}'),
    ('x.png', text('hello'), f'{LEFT_OUT}x.png: {DAMAGED}'),
    ('photo.png', cut(600), f'{LEFT_OUT}photo.png: {DAMAGED}'),
    ('x.tif', picture('F', (9, 9)), f'{LEFT_OUT}.*Convert it to 8 or 16 bits'),
    ('x.png', picture('RGB', (1, 1)), WORKS),
    ('x.png', LONG, WORKS),
    ('x.png', picture('L', (9, 9)), WORKS),
    ('x.png', picture('RGBA', (9, 9), 0), WORKS),
    ('x.png', picture('I;16', (9, 9)), WORKS),
    ('x.jpg', picture('CMYK', (9, 9)), WORKS),
    ('x.gif', TWO_FRAMES, WORKS),
    ('x.png', a_folder, 'x.png: no picture or video in it'),
]
COMPARED = [(LONG, WORKS), (TALL, WORKS), (text('hello'), f'x.png: {DAMAGED}')]

PHOTO, MASK = 'pet/images/a.jpg', 'pet/annotations/trimaps/a.png'
SPLIT = 'pet/annotations/trainval.txt'
TRAINED = [
    (PHOTO, text(''), f'{PHOTO}: not an image, or damaged .of no format that is known.'),
    (PHOTO, cut(600), f'{PHOTO}: not an image, or damaged .*take it off the split'),
    (PHOTO, picture('L', (40, 30)), WORKS),
    (PHOTO, picture('CMYK', (40, 30)), WORKS),
    (PHOTO, picture('RGBA', (40, 30), 0, format='PNG'), WORKS),
    (PHOTO, picture('I;16', (40, 30), format='PNG'), f'{PHOTO}: .*mode I;16, more than 8 bits; convert it to 8 bits'),
    (MASK, lambda path: Image.fromarray(np.ones((30, 40), np.uint8)).convert('P').save(path), WORKS),
    (MASK, picture('RGB', (40, 30), (1, 1, 1)), f'{MASK}: the mask is 30 x 40 x 3, its image .* 30 x 40'),
    (MASK, picture('L', (30, 40)), f'{MASK}: the mask is 40 x 30, its image .* 30 x 40'),
    (MASK, picture('L', (40, 30), 7), f'{MASK}: the mask has the value 7; allowed: 1, 2, 3'),
    (MASK, picture('I;16', (40, 30)), WORKS),
    (MASK, picture('I;16', (40, 30), 257), f'{MASK}: .*mode I;16, masks have 8 bits'),
    (MASK, text(''), f'{MASK}: not a mask, or damaged .of no format that is known.'),
    (SPLIT, text(''), f'{SPLIT}: names no image'),
    (SPLIT, text('a\na\n'), f"{SPLIT}: names 'a' twice"),
    (SPLIT, text('a\nz\n'), 'z.jpg: missing, but line 2 of .*trainval.txt names it'),
    (SPLIT, text('a 1\r\nb 2\r\n'), WORKS),
    (SPLIT, text(b'\xef\xbb\xbfa\r\nb\r\n'), WORKS),
    (SPLIT, text('a\nb\n'.encode('utf-16')), f'{SPLIT}: not a text file in UTF-8'),
    (SPLIT, text('../images/a\n'), "'../images/a' is not a plain file name"),
    (SPLIT, text('..\\images\\a\n'), 'is not a plain file name'),
    (SPLIT, text('/etc/passwd\n'), "'/etc/passwd' is not a plain file name"),
    (SPLIT, a_folder, f'{SPLIT}: no such split file'),
]

UNCHECKED, WITH_IGNORED = 'values=None', 'values=(0, 1, 2, 3)'
NO_SCORES = 'no scores: every pixel of the test data is ignored; .* --data says what is in the masks'
OUT_OF_RANGE = 'labels 6 with num_classes=3; allowed: 0 to 2 and ignore_index=255'
ALL_MASKS = [
    (UNCHECKED, 7, TRAIN, OUT_OF_RANGE),
    (UNCHECKED, 7, TEST, f'png: {OUT_OF_RANGE}'),
    (WITH_IGNORED, 0, TRAIN, WORKS),
    (WITH_IGNORED, 0, TEST, NO_SCORES),
    (WITH_IGNORED, 0, COMPARE, WORKS),
]


@pytest.mark.parametrize(('name', 'way', 'words'), PREDICTED)
def test_pictures(folder, call, name, way, words):
    way(Path(name))
    check_end(call, PREDICT.replace('photo.png', name), words)


def test_a_picture_for_which_the_pipeline_leaves_nothing(folder, call):
    LONG(Path('x.png'))
    replaced('keep_ratio=False', 'keep_ratio=True')(Path('small.py'))
    words = "x.png: a picture of 3 x 20000 does not go through the config's test pipeline"
    check_end(call, PREDICT.replace('photo.png', 'x.png'), LEFT_OUT + words)


@pytest.mark.parametrize(('way', 'words'), COMPARED)
def test_compared_pictures(folder, call, way, words):
    way(Path('x.png'))
    check_end(call, f'{COMPARE} x.png', words)


@pytest.mark.parametrize(('name', 'way', 'words'), TRAINED)
def test_files_of_the_training_data(folder, call, name, way, words):
    way(Path(name))
    check_end(call, TRAIN, words)


@pytest.mark.parametrize(
    ('size', 'words'), [((20000, 3), WORKS), ((1, 1), f'{MASK}: not a mask, or damaged .a side of one pixel')]
)
def test_sizes_of_a_picture_and_its_mask(folder, call, size, words):
    picture('RGB', size)(Path(PHOTO))
    picture('L', size)(Path(MASK))
    check_end(call, TRAIN, words)


@pytest.mark.parametrize(('values', 'value', 'line', 'words'), ALL_MASKS)
def test_all_masks(folder, call, values, value, line, words):
    replaced('values=(1, 2, 3)', values)(Path('small.py'))
    all_masks(value)(Path(MASK).parent)
    check_end(call, line, words)


def test_no_data(folder, call):
    Path('pet').rename('dog')
    check_end(call, COMPARE, "no folder 'pet'. Point PET_ROOT at")


@pytest.mark.parametrize(
    ('content', 'words'),
    [('a\n'.encode('utf-16'), f'{SPLIT}: not a text file'), ('# none\n', f'{SPLIT}: names no image')],
)
def test_splits_that_are_prepared(folder, call, content, words):
    text(content)(Path(SPLIT))
    check_end(call, 'prepare_pet --out pet', words)
