"""Metrics for ``test_evaluator`` beside the host's; importing this registers them."""

from mmseg_vitseg.evaluation.boundaries import BoundaryMetric

__all__ = ['BoundaryMetric']
