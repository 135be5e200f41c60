"""docs/troubleshooting.md quotes messages as the package has them."""

import re

import pytest

from vitseg_tests.paths import ROOT

ROWS = re.findall(r'^\| `([^`]+)` \|', (ROOT / 'docs/troubleshooting.md').read_text(), re.M)
HOSTS = "'mmseg_vitseg.VisionTransformer is not in the"  # mmengine's
# strings that stand on several lines in one
SOURCES = [re.sub(r"['\"]\n\s*f?['\"]", '', file.read_text()) for file in (ROOT / 'mmseg_vitseg').rglob('*.py')]


def test_there_are_many():
    assert len(ROWS) > 24


@pytest.mark.parametrize('message', [row for row in ROWS if row != HOSTS])
def test_a_message_is_in_the_code(message):
    parts = message.split('...')
    assert any(all(part in source for part in parts) for source in SOURCES)
