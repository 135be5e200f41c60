"""Rows as a table on a terminal, as Markdown, as JSON, and as a picture."""

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from mmseg_vitseg.atomic import whole
from mmseg_vitseg.benchmark.rows import Row, spread
from mmseg_vitseg.benchmark.variants import Settings
from mmseg_vitseg.machine import circumstances

WHAT = ('config', 'variant', 'run', 'params M', 'GFLOPs')
MEASURED = ('ms (min-max)', 'images/s', 'memory MiB', 'latency x', 'memory x', 'max diff', 'labels agree')
COUNTED = ('launches', 'of loss or labels', 'waits', 'GB moved')
OPERATIONS = "GFLOPs: one image's forward pass, a multiplication and its addition as two."
CAPTION = (
    'latency x, memory x: this variant over the first one of its config, round by round (median, min-max): above 1 the '
    f'first is better. memory: peak added to the weights, in a process of its own. {OPERATIONS}'
)
CAPTION_OF_COUNTS = (
    'Counted for a CUDA device, not run on one: kernels launched in a step (train: forward, loss, backward; without the '
    'optimizer), those of loss and accuracy or of labels, how often the host waits for the device, bytes read and written. '
    + OPERATIONS
)


def to_json(rows: Sequence[Row], device: str) -> str:
    """Return one line of JSON: the machine, the versions, the rows."""
    return json.dumps(dict(**circumstances(device), rows=[row.to_json() for row in rows]), allow_nan=False)


def to_markdown(rows: Sequence[Row], device: str, command: str) -> str:
    """Return the machine, the versions and the command, a Markdown table, and what it means below it."""
    where = ', '.join(f'{key} {value}' for key, value in circumstances(device).items())
    header = headers(rows)
    lines = [header, ['---'] * len(header), *map(cells, rows)]
    table = '\n'.join('| ' + ' | '.join(text.replace('|', '/') for text in line) + ' |' for line in lines)
    return f'{where}\n\n`{command}`\n\n{table}\n\n{caption(rows)}'


def print_table(rows: Sequence[Row]) -> None:
    """Print a table to the terminal, or where it is too narrow for the figures a block a row."""
    from rich.console import Console
    from rich.table import Table

    console, table = Console(), Table(caption=caption(rows))
    for header in headers(rows):
        text = header in ('config', 'variant', 'run')
        table.add_column(header, justify='left' if text else 'right', overflow='fold', no_wrap=not text)
    for row in rows:
        table.add_row(*cells(row))
    if console.measure(table, options=console.options.update(max_width=1000)).minimum <= console.width:
        console.print(table)
    else:
        console.print('\n\n'.join([*map(_block, rows), caption(rows)]), highlight=False, markup=False)


def _block(row: Row) -> str:
    """Return a row as lines, the figures that there are with their headers."""
    config, variant, run, *figures = cells(row)
    named = zip(headers([row])[3:], figures, strict=True)
    return '\n'.join([f'{config}, {variant}', run, *(f'  {name:14}{figure}' for name, figure in named if figure)])


def is_counted(rows: Sequence[Row]) -> bool:
    """Tell rows of counts from rows of measurements."""
    return all(row.settings.device == 'meta' for row in rows)


def headers(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the heads of the columns."""
    return WHAT + (COUNTED if is_counted(rows) else MEASURED)


def caption(rows: Sequence[Row]) -> str:
    """Return what the columns mean."""
    return CAPTION_OF_COUNTS if is_counted(rows) else CAPTION


def cells(row: Row) -> list[str]:
    """Return a row's texts, one a header; empty where there is no figure."""
    settings = row.settings
    run = f'{settings.mode} {settings.batch_size}x{settings.shape[0]}x{settings.shape[1]} {settings.dtype}'
    run += '' if settings.matmul_precision == Settings.matmul_precision else f' (products: {settings.matmul_precision})'
    return [
        row.config,
        ': '.join([row.variant, *(['; '.join(row.notes)] if row.notes else [])]),
        run + (' compiled' if settings.compile else ''),
        _number(row.params_m, '.2f'),
        _number(row.gflops, '.1f'),
        *(_counted(row) if is_counted([row]) else _measured(row)),
    ]


def _measured(row: Row) -> list[str]:
    latency = row.latency_ms
    return [
        _spread(row.times_ms, '.1f'),
        _number(1e3 * row.settings.batch_size / latency['median'] if latency else None, '.2f'),
        _number(row.peak_memory_mb, '.0f'),
        _spread(row.ratios, '.2f'),
        _number(row.ratio_memory, '.2f'),
        _number(row.max_abs_diff, '.1e'),
        _number(row.labels_agree, '.4%'),
    ]


def _counted(row: Row) -> list[str]:
    numbers = (row.launches, row.launches_loss, row.waits)
    return [*(_number(number, 'd') for number in numbers), _number(row.moved_gb, '.1f')]


def plot(rows: Sequence[Row], path: str | Path) -> None:
    """Draw latency against peak memory: a colour a config, a mark a variant, and a line from the first to each other.

    Raises:
        ValueError: no row has both figures.
    """
    measured = [row for row in rows if row.times_ms and row.peak_memory_mb]
    if not measured:
        raise ValueError(f'{path}: nothing to draw: no variant has both a latency and a peak memory')
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    figure = Figure(figsize=(10, 5), layout='constrained')
    axes = figure.add_subplot(
        xlabel='latency, ms a batch (median; bars: min to max)',
        ylabel='peak memory beyond the weights, MiB',
        xscale='log',
        yscale='log',
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(StrMethodFormatter('{x:g}'))
        axis.set_minor_formatter(NullFormatter())
    groups: dict[tuple, list[Row]] = {}
    for row in measured:
        groups.setdefault((row.config, row.settings.mode), []).append(row)
    marks = dict(zip(dict.fromkeys(row.variant for row in measured), 'osD^vPX*', strict=False))
    keys = [Line2D([], [], color='grey', marker=mark, linestyle='', label=name) for name, mark in marks.items()]
    for index, ((config, mode), group) in enumerate(groups.items()):
        colour = f'C{index % 10}'
        keys.append(Line2D([], [], color=colour, linewidth=3, label=f'{config} ({mode})'))
        for row in group:
            latency, memory = _point(row)
            bars = [[latency - min(row.times_ms)], [max(row.times_ms) - latency]]
            axes.plot(*zip(_point(group[0]), (latency, memory), strict=True), color=colour, linewidth=0.8)
            mark = marks.get(row.variant, '.')
            axes.errorbar(latency, memory, xerr=bars, color=colour, marker=mark, capsize=2)
    figure.legend(handles=keys, loc='outside right center', fontsize=7)
    with whole(Path(path)) as temporary:
        figure.savefig(temporary, dpi=150)


def _point(row: Row) -> tuple[float, float]:
    """Return the median latency and the memory of a row that has both."""
    assert row.peak_memory_mb is not None
    return median(row.times_ms), row.peak_memory_mb


def _number(value: float | None, form: str) -> str:
    return '' if value is None else format(value, form)


def _spread(values: list[float], form: str) -> str:
    found = spread(values)
    return (found and f'{found["median"]:{form}} ({found["min"]:{form}}-{found["max"]:{form}})') or ''
