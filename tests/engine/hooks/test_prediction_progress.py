"""The pictures and the film of a training."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import VISBACKENDS
from mmengine.structures import PixelData
from mmengine.visualization import BaseVisBackend
from mmseg.structures import SegDataSample
from PIL import Image

from mmseg_vitseg.engine import PredictionProgressHook
from mmseg_vitseg.engine.resuming.start import set_resume
from mmseg_vitseg.engine.running.command_line import load_config
from mmseg_vitseg.engine.running.runner import build_runner
from vitseg_tests.paths import config_path

RED, GREEN = [255, 0, 0], [0, 255, 0]


class Log:
    """Keeps what is logged."""

    def __init__(self):
        self.infos, self.warnings = [], []
        self.info, self.warning = self.infos.append, self.warnings.append


class Visualizer:
    """Keeps what is shown."""

    def __init__(self):
        self.shown = []

    def add_image(self, name, image, step=0):
        self.shown.append((name, image, step))


def sample(truth: int, prediction: float, size=(40, 60)) -> SegDataSample:
    def labels(value):
        return PixelData(data=torch.full((1, *size), value))

    return SegDataSample(gt_sem_seg=labels(truth), pred_sem_seg=labels(prediction))


@pytest.fixture
def runner(tmp_path):
    dataset = SimpleNamespace(metainfo=dict(classes=('a', 'b'), palette=[RED, GREEN]))
    return SimpleNamespace(
        work_dir=str(tmp_path),
        val_dataloader=SimpleNamespace(dataset=dataset),
        cfg=Config(dict(model=dict())),
        train_loop=None,
        iter=0,
        epoch=0,
        logger=Log(),
        visualizer=Visualizer(),
    )


def validate(hook, runner, step, batches=2):
    runner.iter = step
    hook.before_val_epoch(runner)
    blue = torch.tensor([255, 0, 0], dtype=torch.uint8)[:, None, None].expand(3, 20, 20)  # BGR
    for index in range(batches):
        hook.after_val_iter(runner, index, dict(inputs=[blue, blue]), [sample(0, 1), sample(255, 0.0)])
    hook.after_val_epoch(runner, dict(mIoU=12.345, aAcc=50.0))


def train(runner, steps, start=0, **arguments):
    hook = PredictionProgressHook(**{'num_images': 2, 'height': 20, **arguments})
    runner.iter = start
    hook.before_train(runner)
    for step in steps:
        validate(hook, runner, step)
    hook.after_train(runner)
    return hook


def frames(folder) -> list[np.ndarray]:
    with Image.open(folder / 'pictures/progress.gif') as film:
        count = film.n_frames
        return [np.array((film.seek(index), film.convert('RGB'))[1]) for index in range(count)]


def test_picture_shows_image_truth_and_prediction(runner, tmp_path):
    hook = train(runner, [7], num_images=3, columns=2)
    sheet = np.array(Image.open(tmp_path / 'pictures/iter_0000007.png'))
    assert len(hook.tiles) == 3
    centres = [sheet[40, 10 + 20 * panel].tolist() for panel in range(3)]
    assert centres == [[0, 0, 255], RED, GREEN]
    second = [sheet[40, 66 + 10 + 20 * panel].tolist() for panel in range(3)]
    assert second == [[0, 0, 255], [0, 0, 0], RED]  # what is ignored is black


def test_images_without_truth_and_of_other_bands(runner, tmp_path):
    hook = PredictionProgressHook(num_images=2, height=20)
    hook.before_train(runner)
    hook.before_val_epoch(runner)
    predicted = SegDataSample(pred_sem_seg=PixelData(data=torch.zeros(1, 40, 60)))
    for image in (torch.full((1, 20, 20), 77, dtype=torch.uint8), torch.arange(2000).reshape(5, 20, 20)):
        hook.after_val_iter(runner, 0, dict(inputs=[image]), [predicted])
    hook.after_val_epoch(runner, {})
    assert runner.logger.warnings == []
    assert [tile.shape for tile in hook.tiles] == [(20, 60, 3)] * 2
    assert [hook.tiles[0][10, column].tolist() for column in (10, 30, 50)] == [[77] * 3, [235] * 3, RED]


def test_the_visualizer_gets_the_same_picture(runner, tmp_path):
    train(runner, [3, 6])
    assert [(name, step) for name, _, step in runner.visualizer.shown] == [('predictions', 3), ('predictions', 6)]
    shown = runner.visualizer.shown[1][1]
    assert np.array_equal(shown, np.array(Image.open(tmp_path / 'pictures/iter_0000006.png')))
    assert shown.dtype == np.uint8


def test_film_of_all_pictures(runner, tmp_path):
    train(runner, [1, 2, 3])
    assert len(frames(tmp_path)) == 3
    assert sorted(path.name for path in (tmp_path / 'pictures').iterdir()) == [
        *(f'iter_000000{step}.png' for step in (1, 2, 3)),
        'progress.gif',
    ]


def test_a_resumed_training_goes_on_with_the_film(runner, tmp_path):
    train(runner, [2, 4, 6])
    hook = train(runner, [5, 6], start=4)
    assert [path.name for path in hook.frames] == [f'iter_000000{step}.png' for step in (2, 4, 5, 6)]
    assert len(frames(tmp_path)) == 4
    train(runner, [3])  # from scratch, in the same folder: what is left of the other is not its own
    assert len(frames(tmp_path)) == 1
    train(runner, [], start=6)  # resumed where there is nothing more to do
    assert len(frames(tmp_path)) == 5


def test_pictures_of_another_size_are_left_out(runner, tmp_path):
    train(runner, [1, 2])
    train(runner, [3, 4], start=2, height=30)
    assert len(frames(tmp_path)) == 2


def test_a_validation_by_itself_draws_nothing(runner, tmp_path):
    validate(PredictionProgressHook(), runner, 0)
    assert not (tmp_path / 'pictures').exists()


def test_only_the_first_process_draws(runner, tmp_path, monkeypatch):
    monkeypatch.setattr('mmengine.dist.utils.is_main_process', lambda group=None: False)
    train(runner, [1, 2])
    assert not (tmp_path / 'pictures').exists()
    assert runner.visualizer.shown == []


def test_classes_without_colours(runner, tmp_path):
    del runner.val_dataloader.dataset.metainfo['palette']
    train(runner, [1])
    assert runner.logger.warnings == []


@pytest.mark.parametrize('broken', ['folder', 'visualizer', 'metainfo', 'work_dir'])
def test_a_failure_is_logged_once_and_training_goes_on(runner, tmp_path, broken):
    if broken == 'folder':
        (tmp_path / 'pictures').write_text('a file where the folder should be')
    elif broken == 'visualizer':
        runner.visualizer = None
    elif broken == 'metainfo':
        runner.val_dataloader.dataset.metainfo = {}
    else:
        runner.work_dir = None
    train(runner, [1, 2, 3])
    assert len(runner.logger.warnings) == 1
    assert runner.logger.warnings[0].startswith('PredictionProgressHook: no picture this time')
    if broken == 'visualizer':  # what can be drawn is
        assert len(frames(tmp_path)) == 3


@VISBACKENDS.register_module()
class RecordingBackend(BaseVisBackend):
    """A visualization backend such as TensorBoard's, of which only pictures matter."""

    shown: list = []
    experiment = None

    def _init_env(self):
        pass

    def add_image(self, name, image, step=0, **kwargs):
        self.shown.append((name, image.shape, step))


def test_in_the_hosts_runner_with_a_backend_of_ones_own_and_resumed(tmp_path):
    options = {
        'model.backbone.num_layers': 1,
        'train_dataloader.batch_size': 2,
        'train_dataloader.dataset.length': 4,
        'val_dataloader.dataset.length': 20,
        'param_scheduler': None,
        'visualizer.vis_backends': [dict(type='RecordingBackend')],
        'default_hooks.progress.num_images': 18,  # of two batches
    }
    for epochs, resume in ((1, None), (3, 'auto')):
        options['train_cfg.max_epochs'] = epochs
        cfg = load_config(config_path('quickstart'), options=options, work_dir=str(tmp_path))
        cfg.experiment_name = cfg.visualizer.name = f'progress_{epochs}'  # the host keeps them for the process
        set_resume(cfg, resume)
        build_runner(cfg).train()
    assert [step for _, _, step in RecordingBackend.shown] == [1, 2, 3]
    assert {(name, shape) for name, shape, _ in RecordingBackend.shown} == {('predictions', (30 + 6 * 102, 882, 3))}
    assert len(frames(tmp_path)) == 3
    assert sorted(path.name for path in (tmp_path / 'pictures').glob('*.png')) == [
        f'epoch_000{epoch}.png' for epoch in (1, 2, 3)
    ]


def test_it_is_on_in_the_configs_for_small_machines():
    paths = [config_path('quickstart'), *config_path('x').parent.glob('*_pet.py')]
    assert len(paths) > 8
    for path in paths:
        assert Config.fromfile(path).default_hooks.progress.type == 'mmseg_vitseg.PredictionProgressHook', path
