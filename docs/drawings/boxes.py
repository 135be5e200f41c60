"""Boxes on a grid with arrows between them, as SVG; its colours are those of the reader's theme."""

from dataclasses import dataclass
from html import escape

COLUMN, ROW = 154, 71  # of the grid, in pixels
WIDTH, HEIGHT, MARGIN = 130, 54, 10  # of a box; around the whole
LINE = 15  # from one line of text to the next
STYLE = """
.page { fill: #fff }
text { fill: #1f2328; font: 12px system-ui, sans-serif; text-anchor: middle }
.shape { font: 11.5px ui-monospace, monospace }
.label { font-size: 11px }
.note { text-anchor: start; fill: #57606a }
.data { fill: #f3f4f6; stroke: #6e7781 }
.encoder { fill: #e3edfc; stroke: #3b6fc4 }
.decoder { fill: #fdebd7; stroke: #c2711a }
.training { fill: none; stroke: #8b949e; stroke-dasharray: 4 3 }
.arrow { fill: none; stroke: #57606a }
.aside { stroke-dasharray: 4 3 }
#tip path { fill: #57606a }
@media (prefers-color-scheme: dark) {
.page { fill: #15171c }
text { fill: #e6e9ee }
.note { fill: #a2abb6 }
.data { fill: #262a31; stroke: #8b949e }
.encoder { fill: #1a2d4d; stroke: #6fa0ee }
.decoder { fill: #43290d; stroke: #e09a4a }
.arrow { stroke: #a2abb6 }
#tip path { fill: #a2abb6 }
}
"""


@dataclass(frozen=True)
class Box:
    """A stage of a model.

    Args:
        column, row: on the grid; halves are allowed.
        kind: ``data``, ``encoder``, ``decoder``, or ``training`` for what is there in training only.
        words: what it is.
        shape: of what leaves it.
    """

    column: float
    row: float
    kind: str
    words: str
    shape: tuple[int, ...]

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre, in pixels."""
        return MARGIN + self.column * COLUMN + WIDTH / 2, MARGIN + self.row * ROW + HEIGHT / 2


@dataclass(frozen=True)
class Arrow:
    """From one box to another: straight, or with a corner half-way, into a side where that is in another column.

    Args:
        start, end: the boxes.
        label: beside it.
        kind: '' or ``aside``, which is dashed.
    """

    start: Box
    end: Box
    label: str = ''
    kind: str = ''


def svg(title: str, boxes: list[Box], arrows: list[Arrow], notes: list[str]) -> str:
    """Return a figure."""
    width = round(max(box.middle[0] for box in boxes) + WIDTH / 2 + MARGIN)
    width = max(width, *(MARGIN * 2 + round(6.2 * len(note)) for note in notes))
    bottom = max(box.middle[1] for box in boxes) + HEIGHT / 2 + MARGIN
    height = round(bottom + LINE * len(notes) + (MARGIN if notes else 0))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        f'<title>{escape(title)}</title>',
        f'<style>{STYLE}</style>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z"/></marker></defs>',
        f'<rect class="page" width="{width}" height="{height}" rx="6"/>',
        *map(drawn_arrow, arrows),
        *map(drawn_box, boxes),
        *(text(MARGIN, bottom + LINE * (i + 0.8), note, 'note') for i, note in enumerate(notes)),
        '</svg>',
    ]
    return '\n'.join(parts) + '\n'


def text(x: float, y: float, words: str, kind: str = '') -> str:
    """Return a line of text."""
    return f'<text x="{x:g}" y="{y:g}"{f" class={kind!r}" if kind else ""}>{escape(words)}</text>'.replace("'", '"')


def drawn_box(box: Box) -> str:
    """Return a box with its words and its shape."""
    x, y = box.middle
    lines = box.words.split('\n')
    top = y - LINE * len(lines) / 2 + 4
    corner = f'x="{x - WIDTH / 2:g}" y="{y - HEIGHT / 2:g}"'
    return '\n'.join(
        [
            f'<rect class="{box.kind}" {corner} width="{WIDTH}" height="{HEIGHT}" rx="5"/>',
            *(text(x, top + LINE * i, line) for i, line in enumerate(lines)),
            text(x, top + LINE * len(lines), f'({", ".join(map(str, box.shape))})', 'shape'),
        ]
    )


def drawn_arrow(arrow: Arrow) -> str:
    """Return an arrow, and its label."""
    (x, y), (to_x, to_y) = arrow.start.middle, arrow.end.middle
    if arrow.start.column == arrow.end.column:  # down or up
        sign = 1 if to_y > y else -1
        y, to_y = y + sign * HEIGHT / 2, to_y - sign * HEIGHT / 2
        path, place = f'M{x:g} {y:g}V{to_y:g}', (x + 8 + 3.5 * len(arrow.label), (y + to_y) / 2 + 4)
    else:
        x, to_x = x + WIDTH / 2, to_x - WIDTH / 2
        corner = to_x - (COLUMN - WIDTH) / 2
        path, place = f'M{x:g} {y:g}H{corner:g}V{to_y:g}H{to_x:g}', ((x + to_x) / 2, y - 5)
    line = f'<path class="arrow {arrow.kind}" marker-end="url(#tip)" d="{path}"/>'.replace(' "', '"')
    return line + (text(*place, arrow.label, 'label') if arrow.label else '')
