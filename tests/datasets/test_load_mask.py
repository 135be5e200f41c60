"""Our loading steps beside the host's: equal on masks that are masks, and what is none is refused with what it is."""

import io

import numpy as np
import pytest
from mmengine.dataset import Compose
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_vitseg.datasets.masks import decode_mask

LABELS = np.arange(12, dtype=np.uint8).reshape(3, 4) % 4
HOST = [dict(type='LoadImageFromFile', imdecode_backend='pillow'), dict(type='LoadAnnotations')]
OURS = [dict(type='mmseg_vitseg.LoadImage'), dict(type='mmseg_vitseg.LoadMask')]
UNDER_ITS_NAMES = [dict(step, _scope_='mmseg_vitseg') for step in HOST]


def palette(labels: np.ndarray) -> Image.Image:
    picture = Image.fromarray(labels, 'P')
    picture.putpalette([0, 0, 0, 200, 10, 10, 9, 9, 9, 0, 90, 0])
    return picture


def bytes_of(picture: Image.Image, kind: str = 'PNG', **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def png(depth: int, colour: int, line: bytes) -> bytes:
    """Write a PNG of 4 x 3 pixels that Pillow does not write."""
    import struct
    import zlib

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack('>I', len(content)) + name + content + struct.pack('>I', zlib.crc32(name + content))

    head = struct.pack('>IIBBBBB', 4, 3, depth, colour, 0, 0, 0)
    parts = chunk(b'IHDR', head) + chunk(b'IDAT', zlib.compress((b'\0' + line) * 3)) + chunk(b'IEND', b'')
    return b'\x89PNG\r\n\x1a\n' + parts


@pytest.mark.parametrize(
    'content',
    [
        bytes_of(Image.fromarray(LABELS)),
        bytes_of(palette(LABELS)),
        bytes_of(palette(LABELS), bits=2),
        bytes_of(palette(LABELS), transparency=0),
        bytes_of(palette(LABELS), 'GIF'),
        bytes_of(Image.fromarray(LABELS.astype(np.uint16))),
        bytes_of(Image.fromarray(LABELS.astype(np.int32)), 'TIFF'),
        bytes_of(Image.fromarray(LABELS.astype(np.float32)), 'TIFF'),
    ],
    ids=['8 bits', 'palette', 'palette of 2 bits', 'transparent', 'GIF', '16 bits', '32 bits', 'float'],
)
def test_encodings_of_one_mask(content):
    assert np.array_equal(decode_mask(content)[0], LABELS)


def test_one_bit():
    assert np.array_equal(decode_mask(bytes_of(Image.fromarray(LABELS > 1)))[0], LABELS > 1)


@pytest.mark.parametrize(
    ('content', 'words'),
    [
        (bytes_of(Image.fromarray(LABELS).convert('RGB')), ['3 x 4 x 3', '3 channels of the same values; keep one']),
        (bytes_of(Image.fromarray(LABELS).convert('RGBA')), ['4 channels of the same values, one of them alpha']),
        (bytes_of(Image.fromarray(LABELS).convert('LA')), ['2 channels of the same', 'getchannel(0)']),
        (bytes_of(palette(LABELS).convert('RGB')), ['4 colours, (0, 0, 0), (0, 90, 0), (9, 9, 9), ...; give each']),
        (bytes_of(Image.fromarray(LABELS), 'JPEG'), ['a JPEG, which blurs labels', 'PNG']),
        (bytes_of(Image.fromarray(LABELS.astype(np.uint16) * 200)), ['mode I;16, masks have 8 bits', '0 to 600']),
        (bytes_of(Image.fromarray(LABELS.astype(np.float32) / 2), 'TIFF'), ['mode F', 'whole numbers']),
        (bytes_of(Image.fromarray(np.full((3, 4), np.nan, np.float32)), 'TIFF'), ['mode F', 'nan']),
        (bytes_of(Image.fromarray(LABELS.astype(np.int32) - 1), 'TIFF'), ['mode I', '-1 to 2']),
        (bytes_of(palette(LABELS), 'GIF', save_all=True, append_images=[palette(LABELS + 1)]), ['2 pictures in one']),
        (png(2, 0, b'\x1b'), ['grey of 2 bits']),
        (png(16, 2, b'\0\1' * 12), ['RGB of 16 bits a channel']),
    ],
    ids=['RGB', 'RGBA', 'LA', 'colours', 'JPEG', '16 bits', 'float', 'nan', 'negative', 'frames', '2 bits', 'RGB16'],
)
def test_what_is_no_mask_says_what_it_is(tmp_path, content, words):
    (tmp_path / 'a.png').write_bytes(content)
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(tmp_path / 'a.jpg')
    sample = dict(img_path=f'{tmp_path}/a.jpg', seg_map_path=f'{tmp_path}/a.png', reduce_zero_label=False)
    with pytest.raises(ValueError) as info:
        Compose(OURS)(dict(sample, seg_fields=[]))
    for word in ['a.png: ', *words]:
        assert word in str(info.value)
    assert 'damaged' not in str(info.value)
    assert 'fetch it' not in str(info.value)


@pytest.fixture
def folder(tmp_path):
    """Two pictures and masks, of all values there are, in the host's BaseSegDataset's layout."""
    rng = np.random.default_rng(0)
    for name in ('a', 'b'):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), np.uint8)).save(tmp_path / f'{name}.jpg')
        Image.fromarray(rng.permutation(256).astype(np.uint8).reshape(16, 16)).save(tmp_path / f'{name}.png')
    return tmp_path


@pytest.mark.parametrize('ours', [OURS, UNDER_ITS_NAMES])
@pytest.mark.parametrize('reduced', [False, True])
@pytest.mark.parametrize('label_map', [None, {0: 2, 1: 0, 2: 1, 3: 255, 254: 7}])
def test_equal_to_the_hosts(folder, ours, reduced, label_map):
    """Whichever of the two steps is whose."""
    host, mine = (Compose(steps) for steps in (HOST, ours))
    for steps in (ours, [HOST[0], ours[1]], [ours[0], HOST[1]]):
        results = []
        for pipeline in (host, Compose(steps)):
            sample = dict(img_path=f'{folder}/a.jpg', seg_map_path=f'{folder}/a.png', label_map=label_map)
            results.append(pipeline(dict(sample, reduce_zero_label=reduced, seg_fields=[])))
        assert results[0].keys() == results[1].keys()
        for key in ('img', 'gt_seg_map'):
            assert results[0][key].dtype == results[1][key].dtype == np.uint8
            assert np.array_equal(results[0][key], results[1][key])
    assert repr(mine.transforms[1]).startswith('LoadMask(reduce_zero_label=')


@pytest.mark.parametrize('backend', ['pillow', 'cv2'])
def test_backends_are_the_hosts(folder, backend):
    samples = []
    for steps in (HOST, OURS):
        pipeline = Compose([dict(step, imdecode_backend=backend) for step in steps])
        sample = dict(img_path=f'{folder}/b.jpg', seg_map_path=f'{folder}/b.png', reduce_zero_label=False)
        samples.append(pipeline(dict(sample, seg_fields=[])))
    for key in ('img', 'gt_seg_map'):
        assert np.array_equal(samples[0][key], samples[1][key])


def test_an_empty_picture_is_left_out_where_the_host_is_told_to(tmp_path):
    (tmp_path / 'a.jpg').write_bytes(b'')
    for step in (HOST[0], OURS[0]):
        assert Compose([dict(step, ignore_empty=True)])(dict(img_path=f'{tmp_path}/a.jpg')) is None


def test_two_opinions_of_reduce_zero_label(folder):
    sample = dict(img_path=f'{folder}/a.jpg', seg_map_path=f'{folder}/a.png', reduce_zero_label=True, seg_fields=[])
    with pytest.warns(UserWarning, match='reduce_zero_label'):
        pipeline = Compose([OURS[0], dict(OURS[1], reduce_zero_label=False)])
    with pytest.raises(ValueError, match='reduce_zero_label is False in LoadMask and True in the data set'):
        pipeline(sample)


SHAPES = dict(type='mmseg_vitseg.ShapesDataset', length=2, size=32, seed=0)


@pytest.mark.parametrize('name', ['shapes', 'pet', 'camvid'])
@pytest.mark.parametrize('classes', [None, 1])
def test_the_hosts_steps_on_our_data_sets(name, classes, small_pet, small_camvid):
    """And ours on them: the same pictures and labels, with all classes and with a subset."""
    settings = {
        'shapes': SHAPES,
        'pet': dict(type='mmseg_vitseg.OxfordPetDataset', data_root=str(small_pet)),
        'camvid': dict(type='mmseg_vitseg.CamVidDataset', data_root=str(small_camvid)),
    }[name]
    if classes:
        settings = dict(settings, metainfo=dict(classes=DATASETS.get(settings['type']).METAINFO['classes'][classes:3]))
    first, *others = (DATASETS.build(dict(settings, pipeline=steps))[0] for steps in (HOST, OURS, UNDER_ITS_NAMES))
    assert {'gt_seg_map', 'img'} <= first.keys()
    for other in others:
        assert np.array_equal(first['img'], other['img'])
        assert np.array_equal(first['gt_seg_map'], other['gt_seg_map'])
