"""tools/predict.py: what it writes, what it leaves out, what it says."""

import csv
import errno
import json
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmseg_vitseg.inference import many_pictures
from mmseg_vitseg.inference.files import predict_files
from mmseg_vitseg.inference.inputs import find_inputs
from mmseg_vitseg.inference.model import load_model, predict
from mmseg_vitseg.inference.outputs.confidence import in_16_bits
from mmseg_vitseg.inference.outputs.writer import Writer
from vitseg_tests.user_errors import check_user_error

RGB = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)


@pytest.fixture
def pictures(tmp_path):
    """A folder with two pictures, one in a folder of its own, and a damaged one."""
    folder = tmp_path / 'pictures'
    (folder / 'more').mkdir(parents=True)
    Image.fromarray(RGB).save(folder / 'a.png')
    Image.fromarray(RGB[:30]).save(folder / 'more/b.png')
    (folder / 'broken.jpg').write_bytes(b'not a picture')
    return folder


def test_a_folder_with_a_damaged_picture(run_tool, config, checkpoint, pictures, tmp_path):
    out = tmp_path / 'out'
    result = run_tool(
        'predict.py', config, checkpoint, pictures, '--out', out, '--batch-size', 2, '--device', 'cpu', check=False
    )
    assert result.returncode == 1, result.stderr
    assert 'left out' in result.stderr
    assert 'broken.jpg' in result.stderr
    assert '2 of 3 predicted' in result.stdout
    written = sorted(str(path.relative_to(out)) for path in out.rglob('*') if path.is_file())
    assert written == [
        'a_mask.png', 'a_overlay.png', 'areas.csv', 'areas.json', 'more/b_mask.png', 'more/b_overlay.png',
    ]  # fmt: skip
    labels = predict(load_model(config, checkpoint, device='cpu'), RGB)
    assert np.array_equal(np.array(Image.open(out / 'a_mask.png')), labels + 1)  # trimaps count from 1
    rows = [row for row in json.loads((out / 'areas.json').read_text()) if row['file'].endswith('a.png')]
    assert {row['class']: row['pixels'] for row in rows} == {
        name: int((labels == index).sum())
        for index, name in enumerate(('pet', 'background', 'border'))
        if (labels == index).any()
    }
    with open(out / 'areas.csv', newline='') as file:
        assert sum(
            float(row['share']) for row in csv.DictReader(file) if row['file'].endswith('a.png')
        ) == pytest.approx(1)


@pytest.mark.parametrize('options', [{}, {'model.type': 'EncoderDecoder'}], ids=['ours', 'hosts'])
def test_confidence(config, checkpoint, pictures, tmp_path, options):
    """As predict has it, in 16 bits; in the tables the areas with and without pixels that are in doubt."""
    model = load_model(config, checkpoint, 'cpu', options)
    writer = Writer(model, tmp_path / 'out', confidence=True)
    predict_files(model, find_inputs([pictures]), writer, batch_size=2)
    labels, confidence = predict(model, RGB, confidence=True)
    shown = Image.open(tmp_path / 'out/a_confidence.png')
    assert shown.mode.startswith('I;16')
    assert np.abs(np.array(shown) / 65535 - confidence).max() < 0.5001 / 65535 + 1e-6
    assert np.array_equal(np.array(Image.open(tmp_path / 'out/a_mask.png')), labels + 1)
    with open(tmp_path / 'out/areas.csv', newline='') as file:
        tables = [list(csv.DictReader(file)), json.loads((tmp_path / 'out/areas.json').read_text())]
    for rows in tables:
        for row in [row for row in rows if row['file'].endswith('a.png')]:
            certain = confidence[labels == int(row['value']) - 1]
            assert (int(row['pixels']), int(row['confident_pixels'])) == (certain.size, (certain >= 0.5).sum())
            assert float(row['mean_confidence']) == pytest.approx(certain.mean(), abs=1e-5)
    assert 0 < sum(row['confident_pixels'] for row in tables[1]) < sum(row['pixels'] for row in tables[1])


def test_what_is_certain_is_65535():
    assert in_16_bits(np.float32([0, 0.5, 1])).tolist() == [0, 32768, 65535]


def test_a_video(run_tool, config, checkpoint, tmp_path):
    film = cv2.VideoWriter(str(tmp_path / 'film.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 10, (64, 48))
    for value in range(5):
        film.write(np.full((48, 64, 3), 50 * value, np.uint8))
    film.release()
    out = tmp_path / 'out'
    run_tool('predict.py', config, checkpoint, tmp_path / 'film.avi', '--out', out, '--batch-size', 2, '--confidence')
    capture = cv2.VideoCapture(str(out / 'film_overlay.mp4'))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 5
    rows = json.loads((out / 'areas.json').read_text())
    assert sum(row['pixels'] for row in rows) == 5 * 48 * 64
    assert all(1 / 3 <= row['mean_confidence'] <= 1 for row in rows)


def test_a_damaged_video_leaves_nothing(run_tool, config, checkpoint, tmp_path):
    (tmp_path / 'film.mp4').write_bytes(b'not a video')
    result = run_tool('predict.py', config, checkpoint, tmp_path / 'film.mp4', '--out', tmp_path / 'out', check=False)
    assert result.returncode == 1
    assert 'not a video' in result.stderr
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == ['areas.csv', 'areas.json']


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (dict(inputs='nowhere.jpg'), ['nowhere.jpg', 'no such file']),
        (dict(checkpoint='nowhere.pth'), ['nowhere.pth']),
        (dict(options=['--opacity', '2']), ['--opacity 2.0', '0 to 1']),
        (dict(options=['--batch-size', '0']), ['--batch-size: 0']),
    ],
)
def test_mistakes_are_one_line(run_tool, config, checkpoint, pictures, tmp_path, change, words):
    arguments = [config, change.get('checkpoint', checkpoint), change.get('inputs', pictures / 'a.png')]
    result = run_tool('predict.py', *arguments, '--out', tmp_path / 'out', *change.get('options', []), check=False)
    check_user_error(result, *words)
    assert not (tmp_path / 'out').exists()


def test_outputs_have_names_of_their_own(tmp_path):
    for name in ('x/a.jpg', 'x/a.png', 'y/a.jpg', 'b.jpg'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    names = [str(name) for _, name in find_inputs([tmp_path / 'x', tmp_path / 'y/a.jpg', tmp_path / 'b.jpg'])]
    assert names == ['a_jpg', 'a_png', 'a_jpg_2', 'b']
    assert len(find_inputs([tmp_path], out=tmp_path / 'x')) == 2  # y/a.jpg and b.jpg: x is what was written before
    (tmp_path / 'z').mkdir()
    (tmp_path / 'z/a_jpg_2.png').touch()
    names = [name for _, name in find_inputs([tmp_path / 'x/a.jpg', tmp_path / 'y/a.jpg', tmp_path / 'z/a_jpg_2.png'])]
    assert len(set(names)) == 3
    with pytest.raises(FileNotFoundError, match='no picture or video in it'):
        (tmp_path / 'empty').mkdir()
        find_inputs([tmp_path / 'empty'])


def test_linked_folders_patterns_and_what_is_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ('in/a.png', 'far/b.png', 'in/deep/c.NPY'):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    Path('in/link').symlink_to('../far')
    Path('in/deep/up').symlink_to('..')  # a loop
    Path('far/back').symlink_to('../in')  # and another
    assert [str(name) for _, name in find_inputs(['in'])] == ['a', 'link/b']
    assert [str(name) for _, name in find_inputs(['in'], None, ('.png', '.npy'))] == ['a', 'deep/c', 'link/b']
    assert [str(file) for file, _ in find_inputs(['in/*.png', 'f*/b.png'])] == ['in/a.png', 'far/b.png']
    for camera in ('0', 'rtsp://user@host/1', 'https://host/a.jpg', '/dev/null'):
        with pytest.raises(ValueError, match=f'^{camera}: .*cameras, streams and addresses are not read; save'):
            find_inputs([camera])
    with pytest.raises(FileNotFoundError, match=r'x\*\.png: no such file'):
        find_inputs(['x*.png'])


def test_one_that_cannot_be_predicted_leaves_the_rest(config, checkpoint, pictures, tmp_path, monkeypatch):
    """Of a batch of three, the second is too large for the memory; one goes through no pipeline, one is no picture."""
    for name in ('c', 'd', 'e'):
        Image.fromarray(RGB).save(pictures / f'{name}.png')
    Image.fromarray(RGB[:1, :1]).resize((1, 4000)).save(pictures / 'thin.png')
    options = {'test_dataloader.dataset.pipeline.1.keep_ratio': True}
    model = load_model(config, checkpoint, 'cpu', options)

    def maps_of(model, batch, *, confidence, whole=many_pictures.maps_of):
        if any(sample['file'].name == 'd.png' for sample in batch):
            raise RuntimeError('not enough memory: you tried to allocate')
        return whole(model, batch, confidence=confidence)

    monkeypatch.setattr(many_pictures, 'maps_of', maps_of)
    said = []
    writer = Writer(model, tmp_path / 'out', 0.5)
    inputs = find_inputs([pictures])
    assert predict_files(model, inputs, writer, batch_size=3, on_done=lambda file, error: said.append(error)) == 3
    left_out = sorted(error for error in said if error)
    assert [error.partition(': ')[0] for error in left_out] == [
        str(pictures / name) for name in ('broken.jpg', 'd.png', 'thin.png')
    ]
    assert 'not enough memory' in left_out[1]
    assert sorted(path.stem for path in (tmp_path / 'out').rglob('*_mask.png')) == [
        'a_mask',
        'b_mask',
        'c_mask',
        'e_mask',
    ]
    assert {Path(row['file']).name for row in json.loads((tmp_path / 'out/areas.json').read_text())} == {
        'a.png', 'b.png', 'c.png', 'e.png'
    }  # fmt: skip


@pytest.fixture
def mixed(config, checkpoint, tmp_path):
    """A model whose inputs have the pictures' shapes, and eight pictures: high and wide ones, in turn."""
    (tmp_path / 'mixed').mkdir()
    for index in range(8):
        picture = np.roll(RGB, 5 * index, axis=1)
        Image.fromarray(picture if index % 2 else picture.swapaxes(0, 1)).save(tmp_path / f'mixed/{index}.png')
    options = {'test_dataloader.dataset.pipeline.1.keep_ratio': True}
    return load_model(config, checkpoint, 'cpu', options), find_inputs([tmp_path / 'mixed'])


@pytest.mark.parametrize(
    ('batch_size', 'sizes'), [(1, [1] * 8), (2, [2] * 4), (3, [3, 3, 1, 1])], ids=['one by one', 'two', 'three']
)
def test_those_of_one_size_go_together_and_all_come_in_order(mixed, tmp_path, monkeypatch, batch_size, sizes):
    model, inputs = mixed
    expected = [predict(model, file) for file, _ in inputs]
    found = []

    def maps_of(model, batch, whole=many_pictures.maps_of, **kwargs):
        found.append(len(batch))
        return whole(model, batch, **kwargs)

    monkeypatch.setattr(many_pictures, 'maps_of', maps_of)
    said = []
    writer = Writer(model, tmp_path / 'out', 0.5)
    predict_files(model, inputs, writer, batch_size=batch_size, on_done=lambda file, error: said.append((file, error)))
    assert sorted(found) == sorted(sizes)
    assert said == [(file, None) for file, _ in inputs]
    rows = json.loads((tmp_path / 'out/areas.json').read_text())
    assert list(dict.fromkeys(row['file'] for row in rows)) == [str(file) for file, _ in inputs]
    for (_, name), labels in zip(inputs, expected, strict=True):
        assert np.array_equal(np.array(Image.open(tmp_path / f'out/{name}_mask.png')), labels + 1)


def test_a_picture_waits_for_its_like_not_for_ever(monkeypatch):
    monkeypatch.setattr(many_pictures, 'BYTES', 100)

    def batches(*shapes):
        given = (
            dict(place=place, inputs=np.zeros((1, *shape), np.uint8), picture=np.zeros(0, np.uint8))
            for place, shape in enumerate(shapes)
        )
        return [[sample['place'] for sample in batch] for batch in many_pictures._batches(given, 2)]

    one, other, large = (1, 2), (2, 1), (10, 10)
    assert batches(one, other, one, other) == [[0, 2], [1, 3]]
    assert batches(one, *[other] * 10) == [[1, 2], [3, 4], [5, 6], [7, 8], [0], [9, 10]]  # LOOK batches' worth
    assert batches(one, large, one) == [[0], [1], [2]]  # bytes


@pytest.mark.parametrize(
    ('where', 'error', 'ends'),
    [
        ('prepare', KeyboardInterrupt(), True),  # Ctrl-C
        ('prepare', OSError(errno.EIO, 'Input/output error'), False),  # left out
        ('prepare', KeyError('x'), True),  # which nobody foresaw
        ('maps_of', KeyboardInterrupt(), True),
        ('maps_of', RuntimeError('not enough memory'), False),
        ('shown_picture', KeyboardInterrupt(), True),
        ('shown_picture', OSError(errno.ENOSPC, 'No space left on device'), True),  # where the results go
        ('shown_picture', ValueError('cannot be drawn'), False),
    ],
)
def test_what_ends_it_leaves_no_thread_and_no_half_file(mixed, tmp_path, monkeypatch, where, error, ends):
    """While the fourth picture is read, predicted, written."""
    model, inputs = mixed
    calls = []

    def failing(*args, right=getattr(many_pictures, where), **kwargs):
        calls.append(args)
        if len(calls) == 4:
            raise error
        return right(*args, **kwargs)

    monkeypatch.setattr(many_pictures, where, failing)
    said = []
    before = set(threading.enumerate())
    writer = Writer(model, tmp_path / 'out', 0.5)
    try:
        predict_files(model, inputs, writer, on_done=lambda file, error: said.append(error))
    except BaseException as raised:
        assert raised is error and ends
    else:
        assert not ends
        assert [bool(one) for one in said] == [False] * 3 + [True] + [False] * 4
        assert str(inputs[3][0]) in said[3]
    assert set(threading.enumerate()) == before
    written = [path.name for path in (tmp_path / 'out').iterdir()]
    assert not any(name.startswith('.tmp') for name in written)
    assert ('areas.csv' in written) is not ends
    for path in (tmp_path / 'out').glob('*.png'):
        Image.open(path).load()
