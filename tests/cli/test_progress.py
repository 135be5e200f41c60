"""Bars and lines of progress: on a terminal alone, on stderr, and gone where a command is cut off."""

import io
import sys

import pytest

from mmseg_vitseg.cli.progress import shown_bars, shown_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(monkeypatch) -> Terminal:
    """Make stderr one, within a test: pytest puts its own there when one begins."""
    for name in ('NO_COLOR', 'TTY_COMPATIBLE', 'FORCE_COLOR'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setattr(sys, 'stderr', Terminal())
    return sys.stderr


def go_through(cut_off: bool) -> None:
    with shown_bars() as bars:
        for item in bars.track(range(3), description='predicting'):
            if cut_off and item == 1:
                raise KeyboardInterrupt


def test_a_bar_stays_at_its_end(monkeypatch):
    terminal = on_a_terminal(monkeypatch)
    go_through(cut_off=False)
    before, newline, after = terminal.getvalue().rpartition('\n')
    assert ('100%' in before.rpartition('predicting')[2], newline, '\x1b[2K' in after) == (True, '\n', False)


def test_a_bar_goes_where_it_is_cut_off(monkeypatch):
    terminal = on_a_terminal(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        go_through(cut_off=True)
    assert terminal.getvalue().endswith('\x1b[1A\x1b[2K'), 'up a line, which is erased'


def test_what_is_printed_meanwhile_goes_to_a_pipe(monkeypatch, capsys):
    """stdout is none here, stderr is."""
    terminal = on_a_terminal(monkeypatch)
    for shown in (shown_progress, shown_bars):
        with shown():
            print('a line')
    assert capsys.readouterr().out == 'a line\na line\n'
    assert 'a line' not in terminal.getvalue()


def test_nothing_elsewhere(capsys):
    go_through(cut_off=False)
    with shown_progress() as progress:
        progress('exporting')
    assert capsys.readouterr() == ('', '')


def test_one_of_several_processes_speaks(monkeypatch):
    terminal = on_a_terminal(monkeypatch)
    monkeypatch.setenv('RANK', '1')
    go_through(cut_off=False)
    with shown_progress() as progress:
        progress('exporting')
    assert 'predicting' not in terminal.getvalue()
    assert 'exporting' not in terminal.getvalue()
