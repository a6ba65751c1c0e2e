"""Draws how a number grows over the calendar: a course per count, and a level that it is to reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cgbm1_report.tabulate.canvas import MARKERS, STYLES, open_canvas, save_canvas


def draw_accrual(
    days: Sequence[str], courses: Mapping[str, Sequence[int]], *, ylabel: str, xlabel: str, level: tuple[str, int] | None = None
) -> str:
    """Counts on days of the calendar (``2025-06-15``), and a level with its words.

    Returns
    -------
    str
        SVG text.
    """
    from matplotlib.dates import AutoDateLocator, DateFormatter, datestr2num

    canvas = open_canvas(9.0, 4.6)
    axes = canvas.add_subplot()
    when = [float(datestr2num(day)) for day in days]  # type: ignore[no-untyped-call]
    for (name, values), (color, dash), marker in zip(courses.items(), STYLES, MARKERS, strict=False):
        axes.plot(when, list(values), color=color, ls=dash, marker=marker, ms=3, lw=1.4, label=name)
    if level:
        axes.axhline(level[1], color="#666666", ls=(0, (2, 2)), lw=1.0, label=level[0])
    highest = max([1, *(value for values in courses.values() for value in values), *([level[1]] if level else [])])
    axes.set(ylim=(0, 1.06 * highest), ylabel=ylabel, xlabel=xlabel)
    if when:
        axes.xaxis.set_major_locator(AutoDateLocator(maxticks=8))  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_formatter(DateFormatter("%Y-%m-%d"))  # type: ignore[no-untyped-call]
    else:
        axes.set_xticks([])
    axes.grid(axis="y", color="#e5e5e5", lw=0.6)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2, ncols=3, handlelength=3.2)
    return save_canvas(canvas)
