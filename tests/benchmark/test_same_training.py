"""benchmarks/same_training.py: both sides differ in the model alone; what is said of two logs."""

from argparse import Namespace

import pytest

import same_training
from mmseg_vitseg.reporting.log import Log
from vitseg_tests.paths import config_path


def a_log(step_s: float, losses: list[float], m_iou: float) -> Log:
    training = [dict(step=step, loss=loss, processor_time=step_s) for step, loss in enumerate(losses, start=1)]
    return Log([], training, [dict(step=1, mIoU=m_iou)], by_epoch=True)


def test_summary_and_figure(tmp_path):
    logs = dict(host=a_log(3.0, [2.0, 1.5, 1.25] * 3, 40.0), ours=a_log(1.0, [2.0, 1.5, 1.0] * 3, 40.5))
    summary = same_training.summarised(logs)
    assert summary == dict(
        steps=9,
        step_s=dict(host=3.0, ours=1.0),
        times_faster=3.0,
        largest_difference_of_losses=0.25,
        largest_difference_of_m_iou=0.5,
        last_m_iou=dict(host=40.0, ours=40.5),
    )
    same_training.draw(logs, summary, tmp_path / 'curves.png')
    assert (tmp_path / 'curves.png').stat().st_size > 5000


def test_sides_have_the_same_settings(tmp_path):
    args = Namespace(config=str(config_path('segformer_b0_camvid')), cfg_options={}, out=tmp_path, epochs=5)
    host, ours = (same_training.settings(args, side).to_dict() for side in same_training.SIDES)
    assert host.pop('work_dir') != ours.pop('work_dir')
    assert host == ours
    assert host['train_cfg']['max_epochs'] == host['param_scheduler'][-1]['end'] == 5
    assert host['default_hooks']['logger']['interval'] == pytest.approx(1)
