"""docs/measuring.md: what it says of the table on a terminal."""

import pytest

from mmseg_vitseg.benchmark.rows import Row
from mmseg_vitseg.benchmark.tables import cells, print_table
from mmseg_vitseg.benchmark.variants import Settings

ROW = Row(
    config='segformer_b0_ade20k',
    variant='stock',
    settings=Settings(shape=(512, 512)),
    params_m=3.75,
    gflops=12.3,
    times_ms=[1234.5, 1300.1, 1400.2],
    peak_memory_mb=281.0,
    ratios=[2.5, 2.6, 2.7],
    ratio_memory=2.63,
    max_abs_diff=1e-6,
    labels_agree=1.0,
)


@pytest.mark.parametrize('columns', [200, 100, 60])
def test_no_figure_is_cut(columns, monkeypatch, capsys):
    monkeypatch.setenv('COLUMNS', str(columns))
    print_table([ROW, ROW])
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= columns
    figures = cells(ROW)[3:]
    assert len(figures) == 9 and all(out.count(figure) >= 2 for figure in figures)
    assert ('ms (min-max)  1300.1' in out) == (columns < 200)  # a block a row
