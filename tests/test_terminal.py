"""What a terminal shows of the host's log: short lines, as wide as it is; the file has all."""

import io
import logging

import pytest
from mmengine.logging import MMLogger, print_log

from mmseg_vitseg.terminal import NEW_LINE, consoles, fitted, keep_early_messages, shorten, take_early_messages
from vitseg_tests.commands import forget

LINE = (
    'Epoch(train) [1][10/64]  lr: 2.0000e-03  eta: 0:01:42  time: 0.8711  data_time: 0.0703  memory: 9  loss: 1.0953'
    '  decode.loss_ce: 1.0953  decode.acc_seg: 69.5602'
)
SCORES = 'Epoch(val) [1][4/4]    aAcc: 89.3800  mIoU: 59.2000  mAcc: 72.7700  data_time: 0.0282  time: 0.1680'


@pytest.fixture
def logger():
    forget()
    yield MMLogger.get_current_instance()
    forget()


@pytest.mark.parametrize(
    ('line', 'width', 'shown'),
    [
        (LINE, 200, LINE),
        (
            LINE,
            100,
            'Epoch(train) [1][10/64]  lr: 2.0000e-03  eta: 0:01:42  time: 0.8711  data_time: 0.0703  loss: 1.0953',
        ),
        (LINE, 60, 'Epoch(train) [1][10/64]  eta: 0:01:42  loss: 1.0953'),
        (LINE, 10, 'Epoch(train) [1][10/64]'),
        (SCORES, 60, 'Epoch(val) [1][4/4]  aAcc: 89.3800  mIoU: 59.2000'),
        (
            'Iter(train) [  50/80000]  lr: 1e-02  eta: 1 day, 2:00:00  loss: 2.1',
            60,
            'Iter(train) [  50/80000]  eta: 1 day, 2:00:00  loss: 2.1',
        ),
    ],
)
def test_a_line_as_wide_as_the_terminal(line, width, shown):
    assert fitted(line, width) == shown


class Terminal(io.StringIO):
    """A terminal, or a pipe."""

    def __init__(self, is_terminal: bool):
        super().__init__()
        self.isatty = lambda: is_terminal


@pytest.mark.parametrize('is_terminal', [True, False])
def test_lines_without_dates(logger, monkeypatch, is_terminal):
    monkeypatch.setenv('COLUMNS', '60')
    monkeypatch.setenv('TERM', 'xterm')
    shorten(logger)
    (console,) = consoles(logger)
    console.setStream(Terminal(is_terminal))
    for line in (
        LINE,
        'Using env variable `X` with value of y',
        '\nhead.weight - torch.Size([3]): \nNormalInit',
        '\n+--+',
    ):
        logger.info(line)
    logger.warning('so so')
    logger.error('Using env variable: no')
    shown = [fitted(LINE, 60) if is_terminal else LINE, '+--+', 'warning: so so', 'error: Using env variable: no']
    start = NEW_LINE if is_terminal else ''
    assert console.stream.getvalue() == ''.join(f'{start}{line}\n' for line in shown)


def test_the_log_file_has_what_was_said_before_it_was_there(logger, capsys, tmp_path):
    keep_early_messages()
    print_log('Using env variable `X` with value of y', logger='current')
    print_log('Get class', logger='current', level=logging.DEBUG)
    later = MMLogger.get_instance('training', log_file=str(tmp_path / 'x.log'))
    take_early_messages(later)
    take_early_messages(later)
    (line,) = (tmp_path / 'x.log').read_text().splitlines()
    assert line.endswith(' - mmengine - INFO - Using env variable `X` with value of y')
    assert capsys.readouterr().out == ''
