"""Draws means over time: a panel per parameter, a line per treatment, and under each day of a panel how many values there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cgbm1_report.tabulate.canvas import BOLD, LEADER, MARKERS, STYLES, open_canvas, save_canvas

#: Treatments stand apart on a day by so much of the axis: their bars do not lie over each other.
_DODGE = 0.012
#: The room a number under the axis takes for each of its digits, and a name at the end of a line, as shares of the panel.
_DIGIT, _NAME = 0.03, 0.085
_SMALL = 7.0
#: Panels side by side.
_ACROSS = 3


@dataclass(frozen=True)
class Trend:
    """One panel: on each of the ``days`` a value of every column, half the length of its bar and the number it rests on.

    A value that is missing has no mark, a length that is missing no bar. ``level`` is a line that is always there.
    """

    title: str
    ylabel: str
    days: Sequence[int]
    values: Mapping[str, Sequence[float]]
    errors: Mapping[str, Sequence[float]]
    counts: Mapping[str, Sequence[int]]
    level: float | None = None
    extent: tuple[float, float] | None = None


def draw_trends(trends: Sequence[Trend], headings: Mapping[str, str], *, xlabel: str, size: tuple[float, float]) -> str:
    """Panels of values over time, each with its numbers under the axis; ``headings`` name the columns in the key.

    Returns
    -------
    str
        SVG text.
    """
    canvas = open_canvas(*size)
    across = min(_ACROSS, len(trends))
    grid = canvas.subplots(-(-len(trends) // across), across, squeeze=False).ravel()
    for axes in grid[len(trends) :]:
        axes.axis("off")
    named: dict[str, Any] = {}
    for trend, axes in zip(trends, grid, strict=False):
        named |= _draw_trend(axes, trend, headings, xlabel)
    if named:
        canvas.legend(
            list(named.values()),
            list(named),
            loc="outside upper center",
            ncols=len(named),
            frameon=False,
            fontsize=8,
            handlelength=4,
        )
    return save_canvas(canvas)


def _draw_trend(axes: Any, trend: Trend, headings: Mapping[str, str], xlabel: str) -> dict[str, Any]:
    """The lines of a panel, by the names they have in the key."""
    end = max(trend.days, default=0) or 1
    named: dict[str, Any] = {}
    ends: dict[str, tuple[float, float, str]] = {}
    styles = list(zip(STYLES, MARKERS, strict=True))
    for place, (column, values) in enumerate(trend.values.items()):
        (color, dash), marker = styles[place % len(styles)]
        aside = (place - (len(trend.values) - 1) / 2) * _DODGE * end
        known = [at for at, value in enumerate(values) if not np.isnan(value)]
        days, means = [trend.days[at] + aside for at in known], [values[at] for at in known]
        bars = np.nan_to_num([trend.errors[column][at] for at in known])
        line = axes.errorbar(
            days, means, yerr=bars if bars.any() else None, color=color, ls=dash, lw=1.2, marker=marker, ms=4, capsize=2,
            elinewidth=0.8,
        )  # fmt: skip
        named[headings[column]] = line
        if known:
            ends[column] = (days[-1], means[-1], color)
    axes.set_title(trend.title, fontsize=8.5, loc="left", **BOLD)
    axes.set_ylabel(trend.ylabel, fontsize=8)
    axes.set(xlim=(-0.03 * end, 1.03 * end), xticks=list(trend.days), xticklabels=[])
    axes.tick_params(labelsize=_SMALL)
    if trend.extent or not np.nan_to_num([value for own in trend.values.values() for value in own]).any():
        # Of nothing but zeros an axis would show fractions.
        axes.set_ylim(*(trend.extent or (-1, 1)))
    if not ends:
        axes.text(
            0.5,
            0.5,
            "No value",
            transform=axes.transAxes,
            ha="center",
            va="center",
            fontsize=8,
            backgroundcolor="#ffffff",
            zorder=3,
        )
    if trend.level is not None:
        axes.axhline(trend.level, color="#666666", lw=0.6)
    axes.grid(axis="y", color="#e5e5e5", lw=0.6)
    _name_lines(axes, ends, end)
    _number_days(axes, trend, end, xlabel)
    return named


def _name_lines(axes: Any, ends: Mapping[str, tuple[float, float, str]], end: float) -> None:
    """The name of each line right of its end; names do not lie over each other."""
    low, high = axes.get_ylim()
    tall = _NAME * (high - low)
    free = low - tall
    for column, (day, value, color) in sorted(ends.items(), key=lambda item: item[1][1]):
        free = max(value, free + tall)
        axes.annotate(
            column, (day, value), (day + 0.06 * end, free), color=color, fontsize=_SMALL, va="center", annotation_clip=False,
            bbox={"facecolor": "#ffffff", "edgecolor": "none", "pad": 0.4},
            **({"arrowprops": LEADER} if free > value else {}),
        )  # fmt: skip


def _number_days(axes: Any, trend: Trend, end: float, xlabel: str) -> None:
    """Under the axis its days and, in a line per column, the numbers: moved to the right where they would run into each other."""
    rows: list[tuple[str, str, list[str]]] = [("Day", "#000000", [str(day) for day in trend.days])]
    for (column, counts), (color, _) in zip(trend.counts.items(), STYLES * len(trend.counts), strict=False):
        rows.append((column, color, [str(count) for count in counts]))
    digits = [max(len(texts[at]) for _, _, texts in rows) for at in range(len(trend.days))]
    places: list[float] = []
    for at, day in enumerate(trend.days):
        room = (digits[at] + digits[at - 1] + 1) / 2 * _DIGIT * end if at else 0
        places.append(max(day, places[-1] + room) if at else day)
    for line, (name, color, texts) in enumerate(rows):
        below = -9 - 9 * line
        axes.annotate(
            name, (0, 0), (-14, below), xycoords="axes fraction", textcoords="offset points", ha="right", va="center", color=color,
            fontsize=_SMALL,
        )  # fmt: skip
        for at, (place, text) in enumerate(zip(places, texts, strict=True)):
            written = axes.annotate(
                text, (place, 0), (0, below), xycoords=("data", "axes fraction"), textcoords="offset points", ha="center",
                va="center", fontsize=_SMALL, annotation_clip=False,
            )  # fmt: skip
            # The ends of a line say how much room it takes: to ask every number takes as long as to draw them.
            written.set_in_layout(at in (0, len(texts) - 1))
    axes.annotate(
        xlabel, (0.5, 0), (0, -10 - 9 * len(rows)), xycoords="axes fraction", textcoords="offset points", ha="center",
        va="center", fontsize=_SMALL,
    )  # fmt: skip
