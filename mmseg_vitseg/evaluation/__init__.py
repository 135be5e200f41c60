"""Metrics for ``test_evaluator`` beside the host's; importing this registers them."""

from mmseg_vitseg.evaluation.boundaries import BoundaryMetric
from mmseg_vitseg.evaluation.calibration import CalibrationMetric

__all__ = ['BoundaryMetric', 'CalibrationMetric']
