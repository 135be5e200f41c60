"""A training's log as line charts: geometry only, which the page draws as SVG."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmseg_vitseg.reporting.log import MACHINE, Log

WIDTH, HEIGHT = 360, 220  # of a chart: a phone's width, so that its text needs no scaling there
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 10, 36  # margins
POINTS = 600  # of a line; more would not be seen
DOTS = 30  # points of a line up to which each gets a dot


@dataclass(frozen=True)
class Curve:
    """One line of a chart: its name, its last value as text, its points in the chart's coordinates."""

    name: str
    last: str
    points: list[tuple[float, float]]

    @property
    def path(self) -> str:
        """The points as SVG's polyline takes them."""
        return ' '.join(f'{x:.1f},{y:.1f}' for x, y in self.points)

    @property
    def dots(self) -> list[tuple[float, float]]:
        """The points, where they are few."""
        return self.points if len(self.points) <= DOTS else []


@dataclass(frozen=True)
class Chart:
    """Lines over one axis; ticks are (place, text)."""

    title: str
    x_label: str
    lines: list[Curve]
    x_ticks: list[tuple[float, str]]
    y_ticks: list[tuple[float, str]]


def charts_of(log: Log) -> list[Chart]:
    """Return charts of the losses, of the scores and of the learning rate, those of which there is something."""
    losses = series(log.training, (name for name in _names(log.training) if 'loss' in name))
    total = losses.get('loss')
    losses = {name: points for name, points in losses.items() if name == 'loss' or points != total}  # its only part
    scores = series(log.validation, _names(log.validation))
    rates = series(log.training, (name for name in ('lr',) if name in _names(log.training)))
    drawn = [
        ('Loss', 'iteration', losses),
        ('Scores on the validation data', 'epoch' if log.by_epoch else 'iteration', scores),
        ('Learning rate', 'iteration', rates),
    ]
    return [chart(title, x_label, lines) for title, x_label, lines in drawn if lines]


def series(entries: Sequence[dict], names: Iterable[str]) -> dict[str, list[tuple[float, float]]]:
    """Return the (step, value) of each name, without what is not finite."""
    found = {name: [(entry['step'], entry[name]) for entry in entries if name in entry] for name in names}
    found = {name: [point for point in points if math.isfinite(point[1])] for name, points in found.items()}
    return {name: points for name, points in found.items() if points}


def chart(title: str, x_label: str, lines: dict[str, list[tuple[float, float]]]) -> Chart:
    """Place lines, each of at least one (x, y) with x >= 0, in a chart whose x axis starts at 0."""
    xs, ys = zip(*(point for points in lines.values() for point in points), strict=True)
    right = max(1, *xs)
    y_marks = ticks(min(ys), max(ys))
    low, high = y_marks[0], y_marks[-1]

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + x / right * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - (y - low) / (high - low) * (HEIGHT - TOP - BOTTOM),
        )

    return Chart(
        title,
        x_label,
        [
            Curve(name, f'{points[-1][1]:.4g}', [place(*point) for point in _thinned(points)])
            for name, points in lines.items()
        ],
        [(place(x, low)[0], f'{x:g}') for x in ticks(0, right) if x <= right],
        [(place(0, y)[1], f'{y:g}') for y in y_marks],
    )


def ticks(low: float, high: float) -> list[float]:
    """Return about five round numbers, the first at ``low`` or below, the last at ``high`` or above and not the first."""
    if low == high:
        low, high = low - (abs(low) or 1) / 10, high + (abs(high) or 1) / 10
    rough = (high - low) / 4
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Leave out all but every n-th point, and keep the last."""
    return points[:: -(-len(points) // POINTS)] + points[-1:] if len(points) > POINTS else points


def _names(entries: Sequence[dict]) -> list[str]:
    """Return the names of the numbers in entries, in the order of their first appearance."""
    numbers = {name for entry in entries for name, value in entry.items() if isinstance(value, (int, float))}
    names = dict.fromkeys(name for entry in entries for name in entry)
    return [name for name in names if name in numbers and name not in (*MACHINE, 'step', 'iter', 'epoch')]
