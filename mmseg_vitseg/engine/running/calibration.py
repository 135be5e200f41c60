"""Calibration beside the scores of a test: the model is asked for its confidence, a metric compares it with the truth."""

from mmengine.config import Config
from mmseg.registry import METRICS, MODELS

from mmseg_vitseg.config.heads import is_hosts_tta, segmentor_of
from mmseg_vitseg.config.parts import class_of, dicts
from mmseg_vitseg.config.reading import ConfigError
from mmseg_vitseg.evaluation.calibration import CalibrationMetric
from mmseg_vitseg.labels import IGNORED
from mmseg_vitseg.models.segmentor import EncoderDecoder


def set_calibration(cfg: Config) -> None:
    """Have a test count calibration too, of the pixels that its (first) metric counts.

    Of test-time augmentation, which is set before, it is that of the mean probabilities: see
    :class:`~mmseg_vitseg.models.seg_tta_model.SegTTAModel`.

    Raises:
        ConfigError: the model is none of ours, or there is no test_evaluator.
    """
    segmentor = segmentor_of(cfg)
    if not issubclass(class_of(segmentor, MODELS) or object, EncoderDecoder):
        raise ConfigError(
            f'--calibration: the model is of type {segmentor.get("type")}, which gives no confidence; allowed: '
            'mmseg_vitseg.EncoderDecoder, mmseg_vitseg.EoMT'
        )
    if not cfg.get('test_evaluator'):
        raise ConfigError(f'--calibration: {cfg.filename} has no test_evaluator')
    segmentor['test_cfg'] = {**(segmentor.get('test_cfg') or {}), 'confidence': True}
    if is_hosts_tta(cfg.model):
        cfg.model.type = 'mmseg_vitseg.SegTTAModel'
    metrics = [metric for _, metric in dicts(cfg.test_evaluator, 'test_evaluator')]
    if not any(class_of(metric, METRICS) is CalibrationMetric for metric in metrics):
        ignored = metrics[0].get('ignore_index', IGNORED)
        metrics.append(dict(type='mmseg_vitseg.CalibrationMetric', ignore_index=ignored))
    cfg.test_evaluator = metrics
