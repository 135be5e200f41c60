"""What the README repeats of docs/results.md is the same there; links lead somewhere; files that are named exist."""

import re

import pytest

from vitseg_tests.paths import ROOT

TEXTS = [
    ROOT / 'README.md',
    *(ROOT / name for name in ('CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'configs/README.md')),
    *(ROOT / 'docs').glob('*.md'),
    *(ROOT / 'benchmarks').glob('*.md'),
]


def test_figures_have_one_home():
    results = (ROOT / 'docs/results.md').read_text().splitlines()
    first_screen = (ROOT / 'README.md').read_text().partition('## Install')[0]
    rows = [line for line in first_screen.splitlines() if line.startswith('| ')]
    assert len(rows) > 6
    assert [row for row in rows if row not in results] == []


def test_the_front_door_is_short():
    assert len((ROOT / 'README.md').read_text().splitlines()) <= 100


@pytest.mark.parametrize('path', TEXTS, ids=lambda path: path.name)
def test_links_and_files(path):
    text = path.read_text()
    for target in re.findall(r'\]\(([^)]+)\)', text):
        if '://' in target:
            continue
        name, _, anchor = target.partition('#')
        other = (path.parent / name) if name else path
        assert other.exists(), target
        if anchor:
            headings = re.findall(r'^#+ (.*)$', other.read_text(), re.M)
            assert anchor in [re.sub(r'[^\w -]', '', one).lower().replace(' ', '-') for one in headings], target
    for name in re.findall(r'(?<![\w>/])(?:tools|configs)/[\w/]+\.(?:py|sh)\b', text):
        assert (ROOT / name).is_file(), name


@pytest.mark.parametrize('path', [path for path in TEXTS if '2026' not in path.name], ids=lambda path: path.name)
def test_lines_are_of_a_width_to_read(path):
    text = re.sub(r'```.*?```', '', path.read_text(), flags=re.S)
    assert [line for line in text.splitlines() if len(line) > 140 and not line.startswith('|')] == []
