"""What a config's test_evaluator counts, and how: the host's IoUMetric, as it is set there."""

from mmengine.config import Config
from mmengine.logging import print_log
from mmseg.evaluation import IoUMetric
from mmseg.registry import METRICS


def iou_metrics(cfg: Config) -> list[IoUMetric]:
    """Build the IoUMetrics of a config's ``test_evaluator``, which write nothing; one as by default where it has none.

    Other metrics, which may count anything, are said to be left out.
    """
    settings = cfg.get('test_evaluator') or []
    settings = [settings] if isinstance(settings, dict) else list(settings)
    kinds = [METRICS.get(one['type']) if isinstance(one['type'], str) else one['type'] for one in settings]
    counted = [isinstance(kind, type) and issubclass(kind, IoUMetric) for kind in kinds]
    if left := [str(one['type']) for one, known in zip(settings, counted, strict=True) if not known]:
        print_log(
            f'test_evaluator: {", ".join(left)} is for tools/test.py alone; here IoU is counted.', logger='current'
        )
    found = [
        METRICS.build({**one, 'output_dir': None, 'format_only': False})
        for one, known in zip(settings, counted, strict=True)
        if known
    ]
    return found or [IoUMetric()]


def ignored_label(cfg: Config) -> int:
    """Return the label of pixels that the (first) IoUMetric of a config does not count."""
    return iou_metrics(cfg)[0].ignore_index
