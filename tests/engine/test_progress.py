from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from PIL import Image

from mmseg_vitseg.engine import PredictionProgressHook

RED, GREEN = [255, 0, 0], [0, 255, 0]


def sample(truth: int, prediction: int, size=(40, 60)) -> SegDataSample:
    def labels(value):
        return PixelData(data=torch.full((1, *size), value))

    return SegDataSample(gt_sem_seg=labels(truth), pred_sem_seg=labels(prediction))


@pytest.fixture
def runner(tmp_path):
    dataset = SimpleNamespace(metainfo=dict(palette=[RED, GREEN]))
    return SimpleNamespace(
        work_dir=str(tmp_path),
        val_dataloader=SimpleNamespace(dataset=dataset),
        train_loop=None,
        iter=7,
        epoch=0,
        logger=MMLogger.get_instance('test'),
    )


def validate(hook, runner, batches=2):
    hook.before_val_epoch(runner)
    blue = torch.tensor([255, 0, 0], dtype=torch.uint8)[:, None, None].expand(3, 20, 20)  # BGR
    for index in range(batches):
        hook.after_val_iter(runner, index, dict(inputs=[blue, blue]), [sample(0, 1), sample(255, 0)])
    hook.after_val_epoch(runner, dict(mIoU=12.345, aAcc=50.0))


def test_picture_shows_image_truth_and_prediction(runner, tmp_path):
    hook = PredictionProgressHook(num_images=3, columns=2, height=20)
    validate(hook, runner)
    sheet = np.array(Image.open(tmp_path / 'pictures/iter_0000007.png'))
    assert len(hook.tiles) == 3
    centres = [sheet[40, 10 + 20 * panel].tolist() for panel in range(3)]
    assert centres == [[0, 0, 255], RED, GREEN]
    second = [sheet[40, 66 + 10 + 20 * panel].tolist() for panel in range(3)]
    assert second == [[0, 0, 255], [0, 0, 0], RED]  # what is ignored is black


def test_film_of_all_pictures(runner, tmp_path):
    hook = PredictionProgressHook(num_images=2, height=20)
    for runner.iter in (1, 2, 3):
        validate(hook, runner)
    hook.after_train(runner)
    with Image.open(tmp_path / 'pictures/progress.gif') as film:
        assert film.n_frames == 3


def test_a_failure_is_logged_and_training_goes_on(runner, tmp_path, caplog):
    (tmp_path / 'pictures').write_text('a file where the folder should be')
    hook = PredictionProgressHook(num_images=2, height=20)
    warnings = []
    runner.logger = SimpleNamespace(warning=warnings.append, info=print)
    validate(hook, runner)
    hook.after_train(runner)
    assert 'FileExistsError' in warnings[0]
