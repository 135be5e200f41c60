"""docs/architecture.md: its floors are those that are kept, and the files that it names exist."""

import ast
import re

from vitseg_tests.paths import ROOT

TEXT = (ROOT / 'docs/architecture.md').read_text()
PLACES = (ROOT, ROOT / 'mmseg_vitseg', ROOT / 'mmseg_vitseg/checkpoints', ROOT / 'mmseg_vitseg/inference')


def test_floors():
    tree = ast.parse((ROOT / 'tests/test_floors.py').read_text())
    (kept,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and node.targets[0].id == 'FLOORS'
    )
    rows = re.findall(r'^\| (\d) \| ([^|]+) \|', TEXT, re.M)
    told = [' '.join(re.findall(r'`(\w+)`', names)) for _, names in sorted(rows)]
    assert told == list(kept)


def test_files_exist():
    named = [name for name in re.findall(r'`([\w/]+(?:\.py)?)`', TEXT) if '/' in name and 'NAME' not in name]
    assert len(named) > 40
    missing = [name for name in named if not any((place / name).exists() for place in PLACES)]
    assert missing == []
