"""docs/notebook.ipynb: its cells, one after the other, in this process; the training is of few steps."""

import json
import re

import pytest

from vitseg_tests.commands import forget
from vitseg_tests.paths import ROOT

CELLS = json.loads((ROOT / 'docs/notebook.ipynb').read_text())['cells']
CODE = [cell for cell in CELLS if cell['cell_type'] == 'code']
STEPS = ('steps = 30\n', 'steps = 2\n')


def source_of(cell: dict) -> str:
    return ''.join(cell['source'])


def printed(cell: dict) -> str:
    return ''.join(''.join(output['text']) for output in cell['outputs'] if 'text' in output)


def drawn(cell: dict) -> int:
    return sum('image/png' in output.get('data', {}) for output in cell['outputs'])


def test_what_is_stored_is_small():
    assert (ROOT / 'docs/notebook.ipynb').stat().st_size < 150_000
    assert not re.search('/(tmp|home|root|work)/', (ROOT / 'docs/notebook.ipynb').read_text())


def test_links_lead_somewhere():
    links = re.findall(
        r'\]\(([\w.]+)\)', '\n'.join(source_of(cell) for cell in CELLS if cell['cell_type'] == 'markdown')
    )
    assert len(links) >= 3
    assert [link for link in links if not (ROOT / 'docs' / link).is_file()] == []


@pytest.fixture
def forgotten():
    """What the Runner leaves in the process is taken off."""
    yield
    forget()


@pytest.mark.slow
@pytest.mark.usefixtures('quick_host', 'forgotten')
def test_every_cell(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv('TMPDIR', str(tmp_path))
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    plt = pytest.importorskip('matplotlib.pyplot')
    plt.switch_backend('agg')
    figures = []
    monkeypatch.setattr(plt, 'show', lambda: (figures.append(plt.gcf()), plt.close()))
    assert sum(STEPS[0] in source_of(cell) for cell in CODE) == 1
    names: dict = {}
    with plt.rc_context():
        for cell in CODE:
            capsys.readouterr()
            before = len(figures)
            exec(compile(source_of(cell).replace(*STEPS), 'docs/notebook.ipynb', 'exec'), names)
            assert len(figures) - before == drawn(cell)
            if 'steps' not in names:  # no training yet: what is printed is what is stored
                assert printed(cell) in capsys.readouterr().out
    assert names['labels'].shape == names['confidence'].shape == names['truth'].shape == (16, 64, 64)
    assert set(names['shapes'].ravel()) == {0, 1}
    assert names['same'].all()
