"""What a config's test_evaluator counts, and how: the host's IoUMetric, as it is set there."""

from mmengine.config import Config
from mmengine.logging import print_log
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS

from mmseg_vitseg.config.parts import class_of, dicts

CALIBRATION = 'mmseg_vitseg.CalibrationMetric'


def iou_metrics(cfg: Config) -> list[IoUMetric]:
    """Build the IoUMetrics of a config's ``test_evaluator``, which write nothing; one as by default where it has none.

    Other metrics, which may count anything, are said to be left out; but calibration, which the report always has.
    """
    settings = [metric for _, metric in dicts(cfg.get('test_evaluator'), 'test_evaluator')]
    counted = [metric for metric in settings if issubclass(class_of(metric, METRICS) or object, IoUMetric)]
    others = [metric for metric in settings if metric not in counted and metric['type'] != CALIBRATION]
    if left := [str(metric['type']) for metric in others]:
        print_log(
            f'test_evaluator: {", ".join(left)} is for tools/test.py alone; here IoU is counted.', logger='current'
        )
    found = [METRICS.build({**metric, 'output_dir': None, 'format_only': False}) for metric in counted]
    return found or [IoUMetric()]


def ignored_label(cfg: Config) -> int:
    """Return the label of pixels that the (first) IoUMetric of a config does not count."""
    return iou_metrics(cfg)[0].ignore_index
