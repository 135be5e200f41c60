"""What docs/masks.md shows is built, and its classes are those of its data sets."""

import re

import pytest
from mmengine.config import Config
from mmseg.registry import TRANSFORMS

from mmseg_vitseg.datasets import LoadMask
from vitseg_tests.paths import ROOT

EXAMPLES = re.findall(r'```python\n(.*?)```', (ROOT / 'docs/masks.md').read_text(), re.S)


@pytest.mark.parametrize('example', EXAMPLES)
def test_examples(example, tmp_path):
    (tmp_path / 'config.py').write_text(example)
    cfg = Config.fromfile(tmp_path / 'config.py')
    steps = [cfg[name] for name in cfg if name.startswith('load')]
    assert steps
    for step in steps:
        assert isinstance(TRANSFORMS.build(step), LoadMask)
        assert step.get('classes') == cfg.get('classes', step.get('classes'))
