"""A log as charts."""

import pytest

from mmseg_vitseg.reporting.curves import BOTTOM, HEIGHT, LEFT, POINTS, RIGHT, TOP, WIDTH, chart, charts_of, ticks
from mmseg_vitseg.reporting.log import Log


@pytest.mark.parametrize(
    ('low', 'high', 'expected'),
    [
        (0, 75, [0, 20, 40, 60, 80]),
        (21.5, 78.2, [20, 40, 60, 80]),
        (0.31, 2.08, [0, 0.5, 1, 1.5, 2, 2.5]),
        (-1, 1, [-1, -0.5, 0, 0.5, 1]),
        (1e-8, 1e-3, [0, 5e-4, 1e-3]),
    ],
)
def test_ticks_are_round_and_cover(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize('value', [0.0, 3.7, -2.0, 1e-9])
def test_ticks_of_one_value(value):
    found = ticks(value, value)
    assert found[0] <= value <= found[-1]
    assert len(found) > 1


def test_places():
    drawn = chart('t', 'x', {'a': [(0, 0.0), (50, 50.0), (100, 100.0)]})
    middle = (LEFT + WIDTH - RIGHT) / 2, (HEIGHT - BOTTOM + TOP) / 2
    assert drawn.lines[0].points == [(LEFT, HEIGHT - BOTTOM), middle, (WIDTH - RIGHT, TOP)]
    assert [text for _, text in drawn.x_ticks] == ['0', '50', '100']
    assert drawn.lines[0].dots
    (long,) = chart('t', 'x', {'a': [(step, 1.0) for step in range(10_000)]}).lines
    assert len(long.points) <= POINTS + 1
    assert long.points[-1][0] == WIDTH - RIGHT
    assert not long.dots


def test_what_is_drawn():
    nan = float('nan')
    training = [
        dict(lr=0.1, loss=3.0, **{'decode.loss_ce': 2.0, 'aux.loss_ce': 1.0}, time=1.0, iter=10, step=10),
        dict(lr=0.1, loss=nan, **{'decode.loss_ce': 1.0, 'aux.loss_ce': 1.0}, time=1.0, iter=20, step=20),
    ]
    validation = [dict(mIoU=20.0, aAcc=60.0, data_time=0.1, step=1), dict(mIoU=nan, aAcc=70.0, step=2)]
    loss, scores, rate = charts_of(Log([], training, validation, by_epoch=True))
    assert [line.name for line in loss.lines] == ['loss', 'decode.loss_ce', 'aux.loss_ce']
    assert [len(line.points) for line in loss.lines] == [1, 2, 2]
    assert [(line.name, line.last) for line in scores.lines] == [('mIoU', '20'), ('aAcc', '70')]
    assert (scores.x_label, rate.x_label) == ('epoch', 'iteration')
    for entry in training:
        entry['decode.loss_ce'] = entry['loss']
    training = [{name: value for name, value in entry.items() if name != 'aux.loss_ce'} for entry in training]
    assert [line.name for line in charts_of(Log([], training, [], False))[0].lines] == ['loss']  # its only part is not
    assert charts_of(Log([], [], [], False)) == []
