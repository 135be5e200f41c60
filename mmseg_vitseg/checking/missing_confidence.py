"""A metric of calibration without a model that says how sure it is."""

from collections.abc import Iterator

from mmseg.registry import METRICS, MODELS

from mmseg_vitseg.checking.findings import Finding, error
from mmseg_vitseg.checking.training_setup import Setup
from mmseg_vitseg.config.parts import class_of, dicts
from mmseg_vitseg.evaluation.calibration import CalibrationMetric
from mmseg_vitseg.models.segmentor import EncoderDecoder


def missing_confidence(setup: Setup) -> Iterator[Finding]:
    """A CalibrationMetric, and a model that is not asked for its confidence, or has none."""
    evaluators = [part for name in ('val_evaluator', 'test_evaluator') for part in dicts(setup.cfg.get(name), name)]
    metrics = [part.key for part in evaluators if class_of(part.node, METRICS) is CalibrationMetric]
    if not metrics:
        return
    why = f'{metrics[0]} compares it with the truth, and stops the first validation or test'
    cls = class_of(setup.model.node, MODELS)
    if cls is not None and not issubclass(cls, EncoderDecoder):
        yield error(
            'model.type',
            f'{setup.model.node.get("type")}, which gives no confidence',
            why=why,
            fix='model.type=mmseg_vitseg.EncoderDecoder model.test_cfg.confidence=True',
        )
    elif not (setup.model.node.get('test_cfg') or {}).get('confidence'):
        yield error('model.test_cfg.confidence', 'not asked for', why=why, fix='model.test_cfg.confidence=True')
