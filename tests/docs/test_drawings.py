"""docs/drawings has what its script draws, and docs/models.md shows it; the scores there are those of docs/results.md."""

import re
import sys
from xml.etree import ElementTree

import pytest

from vitseg_tests.paths import ROOT

FOLDER = ROOT / 'docs/drawings'
TEXT = (ROOT / 'docs/models.md').read_text()
NAMES = sorted(path.stem for path in FOLDER.glob('*.svg'))


@pytest.fixture(scope='module')
def make():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        before = set(sys.modules)
        import make

        yield make
        for name in {'make', 'boxes', 'shapes'} - before:
            sys.modules.pop(name)


def test_all_are_drawn_and_shown(make):
    assert sorted(make.FIGURES) == NAMES
    assert sorted(re.findall(r'\(drawings/(\w+)\.svg\)', TEXT)) == NAMES


@pytest.mark.parametrize('name', NAMES)
def test_is_what_the_script_draws(make, name):
    """`python docs/drawings/make.py` draws them anew."""
    assert (FOLDER / f'{name}.svg').read_text() == make.drawn(name)


@pytest.mark.parametrize('name', NAMES)
def test_a_small_file_in_both_themes(name):
    content = (FOLDER / f'{name}.svg').read_text()
    assert len(content) < 15_000
    ElementTree.fromstring(content)
    assert 'prefers-color-scheme: dark' in content


def test_words_fit_into_their_boxes(make):
    for name in NAMES:
        root = ElementTree.parse(FOLDER / f'{name}.svg').getroot()
        lines = [one for one in root.iter('{http://www.w3.org/2000/svg}text') if one.get('class') != 'note']
        assert max(len(one.text) for one in lines) <= 22
        assert max(len(one.text) for one in root.iter('{http://www.w3.org/2000/svg}text')) * 6.2 < int(
            root.get('width')
        )


def test_shapes_come_from_the_model(make, monkeypatch):
    monkeypatch.setitem(make.FIGURES, 'setr_pup', (*make.FIGURES['setr_pup'][:3], 256, *make.FIGURES['setr_pup'][4:]))
    drawn = make.drawn('setr_pup')
    assert '(1, 257, 1024)' in drawn
    assert '(1, 1025, 1024)' not in drawn


def test_measured_scores_are_in_the_results():
    results = (ROOT / 'docs/results.md').read_text().splitlines()
    rows = re.findall(r'^\| `(\w+\.py)`[^|]*\|[^|]*\|[^|]*\| ([\d.]+) \|$', TEXT, re.M)
    assert len(rows) > 10
    for config, score in rows:
        assert any(f'| {score} |' in line and f'`{config}`' in line for line in results), (config, score)
