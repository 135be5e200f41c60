"""Settings that nothing reads, because their name is misspelt."""

from collections.abc import Iterator

from mmseg_vitseg.checking.findings import Finding, error
from mmseg_vitseg.checking.setup import Setup
from mmseg_vitseg.engine.config import near_setting


def check_names(setup: Setup) -> Iterator[Finding]:
    """No top-level name looks like one of the Runner's: the host takes any name, and reads only those that it knows."""
    for name in setup.cfg:
        if close := near_setting(name):
            yield error(
                name,
                'nothing reads a setting of this name',
                why='the training goes on without what it says',
                fix=f'did you mean {close!r}?',
            )
