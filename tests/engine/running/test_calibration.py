"""Calibration put into a test."""

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS

from mmseg_vitseg.config.reading import ConfigError
from mmseg_vitseg.engine.running.calibration import set_calibration
from mmseg_vitseg.engine.running.command_line import load_config
from mmseg_vitseg.engine.running.runner import build_runner
from mmseg_vitseg.engine.running.tta import set_tta
from mmseg_vitseg.evaluation.calibration import Reliability, bin_sums
from vitseg_tests.paths import config_path
from vitseg_tests.weights import randomise

pytestmark = pytest.mark.filterwarnings('ignore:The shape of value will convert:UserWarning')  # the host's TTA
OPTIONS = {
    'work_dir': 'w',
    'model.backbone.num_layers': 1,
    'test_dataloader.dataset.length': 4,
    'test_dataloader.num_workers': 0,
    'test_dataloader.persistent_workers': False,
}


@pytest.mark.parametrize('tta', [False, True])
def test_beside_the_scores(tmp_path, monkeypatch, tta):
    """What the host's model of views has: the mean of their probabilities, its labels."""
    monkeypatch.chdir(tmp_path)
    scores, results = {}, {}
    for calibrated in (False, True):
        cfg = load_config(config_path('quickstart'), options=OPTIONS)
        cfg.experiment_name = cfg.visualizer.name = f'{tta}{calibrated}'  # the host keeps them for the process
        if tta:
            set_tta(cfg)
        if calibrated:
            set_calibration(cfg)
        runner = build_runner(cfg)
        torch.manual_seed(0)
        randomise(runner.model)
        scores[calibrated] = runner.test()
        with torch.no_grad():
            results[calibrated] = [runner.model.test_step(data) for data in runner.test_dataloader]
    assert scores[True] == {**scores[False], 'ECE': scores[True]['ECE']}
    pairs = [pair for batches in zip(*results.values(), strict=True) for pair in zip(*batches, strict=True)]
    assert all(plain.pred_sem_seg.data.equal(asked.pred_sem_seg.data) for plain, asked in pairs)
    maps = ([one.get(key).data for key in ('confidence', 'pred_sem_seg', 'gt_sem_seg')] for _, one in pairs)
    assert scores[True]['ECE'] == round(100 * Reliability(sum(bin_sums(*one) for one in maps)).error, 2)


def config(**settings) -> Config:
    model = dict(type='mmseg_vitseg.EncoderDecoder', test_cfg=dict(mode='whole'), decode_head=dict(num_classes=3))
    cfg = Config(dict(model=model, test_evaluator=dict(type='IoUMetric', ignore_index=3)))
    cfg.merge_from_dict(settings)
    return cfg


def test_the_config():
    for form in (dict, list):
        cfg = config()
        cfg.test_evaluator = cfg.test_evaluator if form is dict else [cfg.test_evaluator]
        for _ in range(2):  # once is enough
            set_calibration(cfg)
            assert cfg.model.test_cfg == dict(mode='whole', confidence=True)
            iou, calibration = cfg.test_evaluator
            assert (iou.type, calibration.type) == ('IoUMetric', 'mmseg_vitseg.CalibrationMetric')
            assert calibration.ignore_index == 3
    cfg = config(**{'model.test_cfg.confidence': True})  # by the config itself
    cfg.tta_pipeline, cfg.tta_model = [dict(type='TestTimeAug')], dict(type='SegTTAModel')
    cfg.test_dataloader = dict(dataset=dict())
    set_tta(cfg)
    assert MODELS.get(cfg.model.type) is MODELS.get('mmseg_vitseg.SegTTAModel')


def test_what_gives_none():
    with pytest.raises(
        ConfigError, match=r'of type EncoderDecoder, which gives no confidence; allowed: mmseg_vitseg\.'
    ):
        set_calibration(config(**{'model.type': 'EncoderDecoder'}))
    cfg = config()
    cfg.pop('test_evaluator')
    with pytest.raises(ConfigError, match='has no test_evaluator'):
        set_calibration(cfg)
