"""Draws a flow diagram: what comes before the arms part, one column of boxes per arm below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from cgbm1_report.tabulate.canvas import BOLD, open_canvas, save_canvas

#: The lines of a box; the first is its head.
Box = Sequence[str]
#: In lines: what stands above and below the lines of a box together, and the way from one box to the next.
_PAD, _WAY = 0.5, 0.8
#: Inches between columns, and of a box at most; inches that a letter takes of each point of type.
_BETWEEN, _WIDE, _LETTER = 0.15, 3.6, 0.0066
#: Type at most, and the height of its line, where there is room for more.
_TYPE = 8.0
_LINE = _TYPE / (72 * 0.84)
_ARROW = {"arrowstyle": "-|>", "color": "#000000", "lw": 0.8, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}


def draw_flow(columns: Sequence[Sequence[Box]], *, trunk: tuple[Box, Box, Box] | None, size: tuple[float, float]) -> str:
    """Columns of boxes, those of one level side by side, below what they part from.

    Parameters
    ----------
    trunk
        Two boxes in the middle and, second, the one beside the way between them. None of a single arm, which parts from none.

    Returns
    -------
    str
        SVG text.
    """
    width, height = size
    levels = [*map(len, trunk or ()), *(max(len(own[at]) for own in columns) for at in range(len(columns[0])))]
    line = min(_LINE, height / sum(count + _PAD + _WAY for count in levels))
    canvas = open_canvas(width, height)
    canvas.set_layout_engine("none")
    axes = canvas.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    page = _Page(axes, min(_TYPE, 72 * line * 0.84))
    tops = [line * sum(count + _PAD + _WAY for count in levels[:at]) + line * _WAY / 2 for at in range(len(levels))]
    depths = [line * (count + _PAD) for count in levels]
    wide = min(_WIDE, (width - _BETWEEN * (len(columns) + 1)) / len(columns))
    middle = width / 2
    places = [middle + (at - (len(columns) - 1) / 2) * (wide + _BETWEEN) for at in range(len(columns))]
    start = None
    if trunk:
        start = tops[2] + depths[2] + line * _WAY / 2
        _draw_trunk(page, trunk, tops, depths, (middle, wide, width))
        axes.plot([middle, middle], [tops[2] + depths[2], start], color="#000000", lw=0.8)
        axes.plot([places[0], places[-1]], [start, start], color="#000000", lw=0.8)
    for place, boxes in zip(places, columns, strict=True):
        above = start
        for at, box in enumerate(boxes, len(trunk or ())):
            if above is not None:
                axes.annotate("", (place, tops[at]), (place, above), arrowprops=_ARROW)
            _draw_box(axes, box, (place, tops[at], wide, depths[at]), page.size)
            above = tops[at] + depths[at]
    return save_canvas(canvas)


class _Page(NamedTuple):
    """What boxes are drawn on, and the size of their type."""

    axes: Any
    size: float


def _draw_trunk(
    page: _Page, trunk: tuple[Box, Box, Box], tops: Sequence[float], depths: Sequence[float], across: tuple[float, float, float]
) -> None:
    """The boxes before the arms part; ``across`` are the middle, a box's width and the picture's."""
    (first, aside, second), (middle, wide, width) = trunk, across
    _draw_box(page.axes, first, (middle, tops[0], wide, depths[0]), page.size)
    _draw_box(page.axes, second, (middle, tops[2], wide, depths[2]), page.size)
    page.axes.annotate("", (middle, tops[2]), (middle, tops[0] + depths[0]), arrowprops=_ARROW)
    beside = (middle + 0.5 + width - 0.1) / 2
    _draw_box(page.axes, aside, (beside, tops[1], width - 0.1 - middle - 0.5, depths[1]), page.size)
    page.axes.annotate("", (middle + 0.5, tops[1] + depths[1] / 2), (middle, tops[1] + depths[1] / 2), arrowprops=_ARROW)


def _draw_box(axes: Any, box: Box, place: tuple[float, float, float, float], size: float) -> None:
    """A box by its middle, top, width and depth; its lines from the top down."""
    from matplotlib.patches import Rectangle

    middle, top, wide, deep = place
    left = middle - wide / 2
    axes.add_patch(Rectangle((left, top), wide, deep, facecolor="#ffffff", edgecolor="#000000", lw=0.8))
    line = deep / (max(len(box), 1) + _PAD) if len(box) == 1 else size / (72 * 0.84)
    for at, text in enumerate(box):
        words = text.lstrip(" ")
        indent = 0.08 + 0.09 * (len(text) - len(words))
        room = int((wide - indent - 0.05) / (_LETTER * size))
        where = (left + indent, top + line * (at + 0.5 + _PAD / 2))
        axes.text(*where, _shorten(words, room), va="center", ha="left", fontsize=size, **({} if at else BOLD))


def _shorten(words: str, room: int) -> str:
    """A line as far as there is room: its number in brackets stays."""
    text, _, number = words.rpartition(" (")
    return words if len(words) <= room or not text else f"{text[: room - len(number) - 3].rstrip()}… ({number}"
