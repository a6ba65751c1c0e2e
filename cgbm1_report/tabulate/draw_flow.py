"""Draws a flow diagram: what comes before the arms part, one column of boxes per arm below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cgbm1_report.tabulate.canvas import BOLD, open_canvas, save_canvas

#: The lines of a box; the first is its head.
Box = Sequence[str]
#: In lines: what stands above and below the lines of a box together, and the way from one box to the next.
_PAD, _WAY = 0.5, 0.8
#: Inches between columns, and of a box at most; inches that a letter takes of each point of type.
_BETWEEN, _WIDE, _LETTER = 0.15, 3.6, 0.0066
_ARROW = {"arrowstyle": "-|>", "color": "#000000", "lw": 0.8, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 7}


def draw_flow(
    first: Box, aside: Box, second: Box, columns: Sequence[Sequence[Box]], *, size: tuple[float, float]
) -> tuple[str, bytes]:
    """Two boxes in the middle with one aside between them, then columns of boxes, those of one level side by side.

    Returns
    -------
    tuple
        SVG text and PNG bytes of the same picture.
    """
    width, height = size
    levels = [len(first), len(aside), len(second), *(max(len(own[at]) for own in columns) for at in range(len(columns[0])))]
    line = height / sum(count + _PAD + _WAY for count in levels)
    canvas = open_canvas(width, height)
    canvas.set_layout_engine("none")
    axes = canvas.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    type_size = min(8.0, 72 * line * 0.84)
    tops = [line * sum(count + _PAD + _WAY for count in levels[:at]) + line * _WAY / 2 for at in range(len(levels))]
    depths = [line * (count + _PAD) for count in levels]
    wide = min(_WIDE, (width - _BETWEEN * (len(columns) + 1)) / len(columns))
    middle = width / 2
    _draw_box(axes, first, (middle, tops[0], wide, depths[0]), type_size)
    _draw_box(axes, second, (middle, tops[2], wide, depths[2]), type_size)
    axes.annotate("", (middle, tops[2]), (middle, tops[0] + depths[0]), arrowprops=_ARROW)
    beside = (middle + 0.5 + width - 0.1) / 2
    _draw_box(axes, aside, (beside, tops[1], width - 0.1 - middle - 0.5, depths[1]), type_size)
    axes.annotate("", (middle + 0.5, tops[1] + depths[1] / 2), (middle, tops[1] + depths[1] / 2), arrowprops=_ARROW)
    places = [middle + (at - (len(columns) - 1) / 2) * (wide + _BETWEEN) for at in range(len(columns))]
    fork = tops[2] + depths[2] + line * _WAY / 2
    axes.plot([middle, middle], [tops[2] + depths[2], fork], color="#000000", lw=0.8)
    axes.plot([places[0], places[-1]], [fork, fork], color="#000000", lw=0.8)
    for place, boxes in zip(places, columns, strict=True):
        start = fork
        for at, box in enumerate(boxes, 3):
            axes.annotate("", (place, tops[at]), (place, start), arrowprops=_ARROW)
            _draw_box(axes, box, (place, tops[at], wide, depths[at]), type_size)
            start = tops[at] + depths[at]
    return save_canvas(canvas)


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
