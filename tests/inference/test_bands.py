"""Pictures of other bands, bits and files than 8-bit colours, from training to every tool, as the config reads them."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmseg.registry import TRANSFORMS
from PIL import Image

from mmseg_vitseg.engine.running.command_line import load_config, set_outputs
from mmseg_vitseg.engine.running.runner import build_runner
from mmseg_vitseg.exporting.export import default_shape
from mmseg_vitseg.exporting.graph import Graph, describe_graph
from mmseg_vitseg.exporting.verify import predicted_by
from mmseg_vitseg.inference.comparing import compare_most_different, compare_named
from mmseg_vitseg.inference.files import predict_files
from mmseg_vitseg.inference.inputs import find_inputs
from mmseg_vitseg.inference.model import load_model, predict, suffixes_of
from mmseg_vitseg.inference.outputs.writer import Writer
from mmseg_vitseg.inspecting.looking import look
from mmseg_vitseg.pictures.reading import to_display
from mmseg_vitseg.reporting.evaluating import evaluate
from vitseg_tests.marks import LONG
from vitseg_tests.weights import randomise

SIDE = 32


@TRANSFORMS.register_module()
class ReadTwoBands(BaseTransform):
    """A user's own step: two bands from a text file, of which it makes floats."""

    def transform(self, results):
        results['img'] = np.loadtxt(results['img_path'], np.float32).reshape(SIDE, SIDE, 2) / 10
        results['img_shape'] = results['ori_shape'] = (SIDE, SIDE)
        return results


@TRANSFORMS.register_module()
class ReadWithHeights(BaseTransform):
    """A user's own step, which reads what only the data set knows."""

    def transform(self, results):
        return dict(results, img=np.load(results['heights_path']))


def as_text(path, array):
    np.savetxt(path, array.reshape(-1, 2))


# bands, dtype, suffix, how a file is written, the loading step, and whether it gives the array as it was written
KINDS = {
    'grey': (1, np.uint8, '.png', cv2.imwrite, dict(type='mmseg_vitseg.LoadImage', color_type='grayscale')),
    'grey, the host': (1, np.uint8, '.png', cv2.imwrite, dict(type='LoadImageFromFile', color_type='grayscale')),
    'grey of 16 bits': (1, np.uint16, '.png', cv2.imwrite, dict(type='mmseg_vitseg.LoadImage', color_type='unchanged')),
    'floats of colours': (3, np.uint8, '.png', cv2.imwrite, dict(type='LoadImageFromFile', to_float32=True)),
    '4 bands': (4, np.uint8, '.tif', cv2.imwrite, dict(type='LoadImageFromFile', color_type='unchanged')),
    '5 bands of 16 bits': (5, np.uint16, '.npy', np.save, dict(type='LoadImageFromNpyFile')),
    '6 bands': (6, np.uint16, '.npy', np.save, dict(type='mmseg_vitseg.LoadImage', bands='all')),
    '3 bands of floats': (3, np.float32, '.npy', np.save, dict(type='LoadImageFromNpyFile')),
    '6 bands, scaled': (
        *(6, np.uint16, '.npy', np.save),
        dict(type='mmseg_vitseg.LoadImage', bands='all', scale=(100, 2000), nodata=7, fill=500),
    ),
    "a user's own": (2, np.float32, '.txt', as_text, dict(type='ReadTwoBands')),
}


@pytest.fixture
def config(kind, tmp_path, monkeypatch) -> Path:
    """A config of its own data: three pictures with masks, in subfolders where two have one name."""
    monkeypatch.chdir(tmp_path)
    bands, dtype, suffix, save, loading = KINDS[kind]
    rng = np.random.default_rng(0)
    for name in ('a/x', 'b/x', 'y'):
        for place in ('images', 'masks'):
            Path(tmp_path, place, name).parent.mkdir(parents=True, exist_ok=True)
        high = 256 if dtype == np.uint8 else 3000
        array = rng.integers(0, high, (SIDE, SIDE, bands)).astype(dtype)
        save(str(tmp_path / f'images/{name}{suffix}'), array[..., 0] if bands == 1 else array)
        cv2.imwrite(str(tmp_path / f'masks/{name}.png'), rng.integers(0, 2, (SIDE, SIDE), np.uint8) + 1)
    many = bands == 6  # normalised each by its own, and shown as the config says
    means = dict(mean=[100.0], std=[60.0])
    if many:
        means = dict(mean=[100.0 + band for band in range(6)], std=[60.0 + band for band in range(6)])
    path = tmp_path / 'bands.py'
    path.write_text(f"""
default_scope = 'mmseg'
show_bands = {(3, 2, 1) if many else None}
model = dict(
    type='mmseg_vitseg.EncoderDecoder',
    data_preprocessor=dict(
        type='{'mmseg_vitseg.' if many else ''}SegDataPreProcessor', size_divisor=1, bgr_to_rgb={bands == 3}, **{means}
    ),
    backbone=dict(type='mmseg_vitseg.VisionTransformer', img_size={SIDE}, patch_size=8, embed_dims=16, num_layers=1,
        num_heads=2, in_channels={bands}),
    decode_head=dict(type='mmseg_vitseg.LinearPatchHead', in_channels=16, num_classes=3, patch_size=8),
    test_cfg=dict(mode='whole'),
)
dataset = dict(type='BaseSegDataset', data_root='{tmp_path}', img_suffix='{suffix}', reduce_zero_label=True,
    data_prefix=dict(img_path='images', seg_map_path='masks'), metainfo=dict(classes=('one', 'two', 'three')),
    pipeline=[{loading}, dict(type='mmseg_vitseg.LoadMask'), dict(type='PackSegInputs')])
train_dataloader = dict(batch_size=3, num_workers=0, dataset=dataset, sampler=dict(type='DefaultSampler', shuffle=True))
val_dataloader = dict(batch_size=2, num_workers=0, dataset=dict(dataset, test_mode=True),
    sampler=dict(type='DefaultSampler', shuffle=False))
test_dataloader = val_dataloader
val_evaluator = test_evaluator = dict(type='IoUMetric')
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1)
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
default_hooks = dict(checkpoint=dict(type='mmseg_vitseg.AtomicCheckpointHook', interval=1),
    progress=dict(type='mmseg_vitseg.PredictionProgressHook'))
visualizer = dict(type='SegLocalVisualizer', alpha=0)
""")
    return path


def run(config, work_dir, **outputs):
    cfg = load_config(config, work_dir=str(work_dir))
    # the host keeps loggers and scopes for the process, by this name and the second
    cfg.experiment_name = f'{work_dir} {"test" if outputs else "train"}'
    if not outputs:
        return build_runner(cfg).train()
    set_outputs(cfg, **outputs)
    cfg.load_from = str(Path(work_dir, 'epoch_1.pth'))
    runner = build_runner(cfg)
    runner.load_or_resume()
    return runner.test()


@pytest.mark.parametrize(
    'kind', [pytest.param('grey', marks=LONG), pytest.param('4 bands', marks=LONG), '6 bands, scaled', "a user's own"]
)
def test_from_training_to_every_tool(kind, config, tmp_path, monkeypatch):
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    bands, _, suffix, _, _ = KINDS[kind]
    run(config, tmp_path / 'w')
    assert (tmp_path / 'w/pictures/epoch_0001.png').is_file()
    scores = run(config, tmp_path / 'w', labels=str(tmp_path / 'labels'), pictures=str(tmp_path / 'shown'))

    model = load_model(config, tmp_path / 'w/epoch_1.pth', 'cpu')
    inputs = find_inputs([tmp_path / 'images'], None, suffixes_of(model))
    writer = Writer(model, tmp_path / 'out', 0.5)
    assert predict_files(model, inputs, writer, batch_size=2, on_done=lambda file, error: None) == 0
    for name in ('a/x', 'b/x', 'y'):
        mask = np.array(Image.open(tmp_path / f'out/{name}_mask.png'))
        assert np.array_equal(mask, np.array(Image.open(tmp_path / f'labels/{name}.png')))  # test.py --out
        assert np.array_equal(mask, predict(model, tmp_path / f'images/{name}{suffix}') + 1)  # reduce_zero_label
        assert np.array(Image.open(tmp_path / f'shown/{name}.png')).shape == (SIDE, 2 * SIDE, 3)
    with open(tmp_path / 'out/areas.csv', newline='') as file:
        assert {(row['class'], row['value']) for row in csv.DictReader(file)} <= {
            ('one', '1'),
            ('two', '2'),
            ('three', '3'),
        }

    evaluation = evaluate(model, 1)
    right = 100 * evaluation.confusion.trace() / evaluation.confusion.sum()
    assert right == pytest.approx(scores['aAcc'], abs=0.01)
    assert evaluation.best[0].picture.shape == (SIDE, SIDE, 3)
    assert all(one.disagreement == 0 for one in compare_most_different(model, model, 2))
    (one,) = compare_named(model, model, [tmp_path / f'images/y{suffix}'])
    assert (one.picture.dtype, one.truth.shape) == (np.uint8, (SIDE, SIDE))
    assert look(model, tmp_path / f'images/y{suffix}').picture.shape == (SIDE, SIDE, 3)

    assert default_shape(model) == (SIDE, SIDE)
    graph = Graph(model)
    assert f'(batch, {bands}, height, width)' in describe_graph(model, graph, None)['input']
    images = torch.randint(256, (1, bands, SIDE, SIDE)).float()
    torch.testing.assert_close(graph(images), predicted_by(model, images)[0])


@pytest.mark.parametrize('kind', [pytest.param('6 bands', marks=LONG), '6 bands, scaled'])
def test_what_is_shown_of_many_bands(kind, config, tmp_path, monkeypatch):
    """In every tool that shows a picture, and in --show-dir: bands 3, 2, 1, or those that the command line asks for.

    Where the step says that there are no data, they are black.
    """
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    file, checkpoint = tmp_path / 'images/y.npy', tmp_path / 'w/epoch_1.pth'
    array = np.load(file)
    array[:5, :9] = 7
    np.save(file, array)
    loaded = TRANSFORMS.build(KINDS[kind][-1])(dict(img_path=file))
    assert ('nodata' in loaded) == (kind != '6 bands')

    run(config, tmp_path / 'w')
    run(config, tmp_path / 'w', labels=str(tmp_path / 'labels'), pictures=str(tmp_path / 'shown'))
    model = load_model(config, checkpoint, 'cpu')
    rgb, false_colours = (
        to_display(loaded['img'][..., bands], bgr=False, nodata=loaded.get('nodata'))
        for bands in ([2, 1, 0], [5, 4, 3])
    )
    assert not rgb[:5, :9].any()
    (compared,) = compare_named(model, model, [file])
    evaluation = evaluate(model, 3)
    (reported,) = [one for one in (*evaluation.best, *evaluation.worst) if one.name == 'y.npy']
    for shown in (compared.picture, look(model, file).picture, reported.picture):
        assert np.array_equal(shown, rgb)
    assert predict_files(model, [(file, Path('y'))], Writer(model, tmp_path / 'out', 0.0)) == 0
    overlay = np.array(Image.open(tmp_path / 'out/y_overlay.png'))
    assert np.array_equal(overlay[:SIDE, :SIDE], rgb)
    progress = np.array(Image.open(tmp_path / 'w/pictures/epoch_0001.png'))
    tiles = [progress[top : top + 96, left : left + 96] for top in (30,) for left in range(0, 3 * 294, 294)]
    wanted = cv2.resize(rgb, (96, 96))
    assert min(np.abs(tile.astype(int) - wanted).max() for tile in tiles) == 0
    tested = np.array(Image.open(tmp_path / 'shown/y.png'))[:, :SIDE]  # but for the classes' names
    assert (tested == rgb).all(axis=2).mean() > 0.5
    infrared = load_model(config, checkpoint, 'cpu', {'show_bands': (6, 5, 4)})
    assert np.array_equal(look(infrared, file).picture, false_colours)
    with pytest.raises(ValueError, match='show_bands=7'):
        load_model(config, checkpoint, 'cpu', {'show_bands': 7})


@pytest.mark.parametrize('kind', KINDS)
def test_an_array_is_what_the_step_gives(kind, config, tmp_path):
    bands, dtype, suffix, _, _ = KINDS[kind]
    model = randomise(load_model(config, device='cpu'))
    file = tmp_path / f'images/y{suffix}'
    labels = predict(model, file)
    assert len(np.unique(labels)) > 1
    if suffix in ('.png', '.tif'):
        array = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        array = array[..., ::-1] if bands == 3 else array  # RGB
    else:
        array = np.load(file) if suffix == '.npy' else np.loadtxt(file, np.float32).reshape(SIDE, SIDE, 2) / 10
    assert np.array_equal(predict(model, array), labels)
    if array.ndim == 2:
        assert np.array_equal(predict(model, array[..., None]), labels)
        assert np.array_equal(predict(model, Image.fromarray(array)), labels)
    with pytest.raises(ValueError, match=r'an array of|9 channels, as'):  # the second: as of a file of so many bands
        predict(model, np.zeros((SIDE, SIDE, bands + 3), dtype))


@pytest.mark.parametrize('kind', ['grey'])
def test_a_picture_of_other_channels_is_one_line(config, tmp_path):
    cfg = Config.fromfile(config)
    cfg.test_dataloader.dataset.pipeline[0].pop('color_type')
    cfg.model.data_preprocessor.update(mean=None, std=None)
    model = load_model(cfg, device='cpu')
    with pytest.raises(
        ValueError, match=r"y\.png: 3 channels, as the config's LoadImage\(color_type='color'\).*takes 1 \(model\.b"
    ):
        predict(model, tmp_path / 'images/y.png')
    colours = np.zeros((9, 9, 3), np.uint8)
    model = load_model(config, device='cpu')
    assert predict(model, colours).shape == predict(model, Image.fromarray(colours)).shape == (9, 9)  # made grey


@pytest.mark.parametrize('kind', ['grey, the host'])
def test_files_that_the_step_cannot_read(config, tmp_path):
    file = tmp_path / 'images/y.png'
    model = load_model(config, device='cpu')
    file.write_bytes(file.read_bytes()[:-300])  # of which OpenCV fills the rest, and says nothing
    with pytest.raises(ValueError, match=r'y\.png: not a picture, or damaged \(LoadImageFromFile: '):
        predict(model, file)
    options = {'test_dataloader.dataset.pipeline': [dict(type='ReadWithHeights'), dict(type='PackSegInputs')]}
    model = load_model(config, device='cpu', options=options)
    with pytest.raises(ValueError, match=r"y\.png: the config's ReadWithHeights asks for 'heights_path'"):
        predict(model, file)
