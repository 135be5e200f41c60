"""Settings that nothing reads, because their name is misspelt."""

from collections.abc import Iterator

from mmseg.registry import MODELS

from mmseg_vitseg.checking.findings import Finding, error
from mmseg_vitseg.checking.setup import Setup
from mmseg_vitseg.config.parts import class_of, is_known
from mmseg_vitseg.config.reading import near_setting
from mmseg_vitseg.errors import meant

PREDICTION = ('mode', 'crop_size', 'stride', 'threshold', 'keep_logits', 'window_batch')  # the last two are ours


def check_names(setup: Setup) -> Iterator[Finding]:
    """No top-level name looks like one of the Runner's: the host takes any name, and reads only those that it knows."""
    for name in setup.cfg:
        if close := near_setting(name):
            yield _unread(name, close)


def check_prediction(setup: Setup) -> Iterator[Finding]:
    """No name in ``test_cfg`` looks like one that prediction reads: the host's segmentors take any."""
    if not is_known(class_of(setup.model.node, MODELS)):
        return
    for name in setup.model.node.get('test_cfg') or ():
        if close := meant(name, PREDICTION, cutoff=0.75):
            yield _unread(f'model.test_cfg.{name}', close)


def _unread(key: str, close: str) -> Finding:
    return error(
        key,
        'nothing reads a setting of this name',
        why='the run goes on without what it says',
        fix=f'did you mean {close!r}?',
    )
