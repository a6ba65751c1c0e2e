"""Draws ratios with their intervals, one below the other: a forest, with what they rest on beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cgbm1_report.tabulate.canvas import BOLD, open_canvas, save_canvas

#: What the axis of a ratio holds, the same in every picture: what goes on beyond it ends in an arrow.
_LOW, _HIGH = 0.1, 10.0
_TICKS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0)
_INK = "#1F5F8B"
#: Inches of a line and of the room above and below all lines.
_LINE, _ROOM = 0.17, 0.95


class Ratio(NamedTuple):
    """A ratio with its limits, as numbers and as it is printed; missing numbers are not drawn."""

    estimate: float
    low: float
    high: float
    text: str


class Rung(NamedTuple):
    """A line of a forest: its words, what is printed of each column, and a ratio or words in each panel."""

    label: str
    indent: int = 0
    counts: Sequence[str] = ()
    ratios: Mapping[str, Ratio] = {}
    words: Mapping[str, str] = {}


def forest_height(rungs: Sequence[Rung]) -> float:
    """Inches that so many lines take."""
    return _ROOM + _LINE * max(len(rungs), 4)


def draw_forest(
    rungs: Sequence[Rung], columns: Sequence[str], panels: Mapping[str, tuple[str, str]], *, counted: str, ratio: str
) -> str:
    """Lines of words, counts by column, and per panel the ratios on a logarithmic axis with their numbers.

    ``panels`` have under their axis whom a ratio below and above 1 favours; ``counted`` and ``ratio`` head the columns.

    Returns
    -------
    str
        SVG text.
    """
    canvas = open_canvas(9.0, forest_height(rungs))
    widths = [2.1, *[0.55] * len(columns), *[part for _ in panels for part in (1.35, 1.0)]]
    grid = canvas.subplots(1, len(widths), squeeze=False, gridspec_kw={"width_ratios": widths, "wspace": 0.03})[0]
    for axes in grid:
        axes.set(ylim=(len(rungs) - 0.5, -1.6), xlim=(0, 1))
        axes.axis("off")
    for place, rung in enumerate(rungs):
        look = BOLD if not rung.indent else {}
        grid[0].text(0.06 * rung.indent, place, rung.label, va="center", fontsize=7.5, **look)
    for at, column in enumerate(columns):
        axes = grid[1 + at]
        axes.text(0.5, -1.1, f"{column}\n{counted}", ha="center", va="center", fontsize=7.5)
        for place, rung in enumerate(rungs):
            if rung.counts:
                axes.text(0.5, place, rung.counts[at], ha="center", va="center", fontsize=7.5)
    for at, (panel, favours) in enumerate(panels.items()):
        start = 1 + len(columns) + 2 * at
        _draw_panel(grid[start], [rung.ratios.get(panel) for rung in rungs], panel, favours)
        grid[start + 1].text(0.0, -1.1, ratio, va="center", fontsize=7.5)
        for place, rung in enumerate(rungs):
            said = rung.ratios[panel].text if panel in rung.ratios else rung.words.get(panel, "")
            grid[start + 1].text(0.0, place, said, va="center", fontsize=7.5)
    return save_canvas(canvas)


def _draw_panel(axes: Any, ratios: Sequence[Ratio | None], title: str, favours: tuple[str, str]) -> None:
    axes.axis("on")
    axes.set_xscale("log")
    axes.set(xlim=(_LOW, _HIGH), yticks=[])
    axes.set_xticks(_TICKS, [f"{tick:g}" for tick in _TICKS], fontsize=7)
    axes.minorticks_off()
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"← favours {favours[0]}   favours {favours[1]} →", fontsize=7)
    axes.plot([1, 1], [-0.6, len(ratios) - 0.5], color="#777777", lw=0.8, ls=(0, (3, 2)))
    axes.text(1.0, -1.1, title, ha="center", va="center", fontsize=7.5)
    for place, one in enumerate(ratios):
        if one is None or np.isnan(one.estimate):
            continue
        low, high = max(one.low, _LOW), min(one.high, _HIGH)
        if low < _HIGH and high > _LOW:
            axes.plot([low, high], [place, place], color=_INK, lw=1.1)
        for edge, beyond, mark in ((_LOW, one.low < _LOW, "<"), (_HIGH, one.high > _HIGH, ">")):
            if beyond:
                axes.plot(edge, place, mark, color=_INK, ms=4, clip_on=False)
        if _LOW <= one.estimate <= _HIGH:
            axes.plot(one.estimate, place, "D" if not place else "s", color=_INK, ms=4.5)
