"""The host's own tools/test.py."""

import contextlib
import importlib.util
import sys
import warnings
from io import StringIO

import pytest
from mmseg.evaluation import IoUMetric

from vitseg_tests.commands import forget
from vitseg_tests.host_configs import PUBLISHED


class Host:
    """The host's own tools/test.py, and what its metric counts: intersections, unions and areas of each picture."""

    def __init__(self, monkeypatch):
        spec = importlib.util.spec_from_file_location('host_test', PUBLISHED.parent / 'tools/test.py')
        self.tool = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.tool)
        self.counts: list = []
        self.monkeypatch = monkeypatch
        count = IoUMetric.compute_metrics

        def counted(metric, results):
            self.counts = [[value.tolist() for value in one] for one in results]
            return count(metric, results)

        monkeypatch.setattr(IoUMetric, 'compute_metrics', counted)

    def test(self, config: str, checkpoint: str, *flags: str) -> list:
        """Run it; returns what its metric counted."""
        self.counts = []
        self.monkeypatch.setattr(
            sys, 'argv', ['test.py', config, checkpoint, '--work-dir', 'host', *filter(None, flags)]
        )
        with warnings.catch_warnings(), contextlib.redirect_stdout(StringIO()):
            warnings.simplefilter('ignore')
            self.tool.main()
        forget()
        return self.counts


@pytest.fixture
def host(monkeypatch):
    """The host's own tool, in this process; it reads what ours reads, since its metric is the same class."""
    return Host(monkeypatch)
