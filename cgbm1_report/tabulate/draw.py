"""Draws figures with matplotlib: the same bytes for the same numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cgbm1_report.tabulate.canvas import BOLD, LEADER, STYLES, open_canvas, save_canvas

if TYPE_CHECKING:
    from cgbm1_report.analyse.event_times import Curve

#: What marks an event on a course: told apart by shape.
_MARKS = ("x", "^", "D")
#: Height of a name at the end of a course, as a share of its panel.
_NAME_SHARE = 0.085
#: A picture names each line up to so many; more are parted by their outcome.
NAMED_LINES = 8
#: Height of a name beside a Kaplan-Meier curve, in percent; width of one of its letters, as a share of the axis;
#: and how far behind the last day a name stands.
_TALL, _LETTER, _MARGIN = 5.0, 0.012, 5.0

#: Left, right, low and high.
_Box = tuple[float, float, float, float]


class _End(NamedTuple):
    """A step curve as drawn, which is named at its end."""

    time: np.ndarray
    level: np.ndarray
    color: str


#: So many numbers an axis has room for.
_ROOM = 15


def has_no_room(day: int, other: int, end: int, room: int = _ROOM) -> bool:
    """Whether the numbers of two days print on each other, on an axis to the end with room for so many."""
    return day != other and abs(day - other) * room < end


def choose_days(days: Iterable[int], named: Iterable[int], room: int = _ROOM) -> list[int]:
    """The days an axis has numbers for: those named, and of the others as many as leave room for so many numbers."""
    kept = set(named)
    end = max(kept, default=0)
    for day in sorted(set(days)):
        if day <= end and all(abs(day - other) * room >= end for other in kept):
            kept.add(day)
    return sorted(kept)


def _step(axes: Any, curve: Curve, label: str, style: tuple[str, Any], end: float) -> _End | None:
    """One curve from day 0 to the last time observed, where it ends: beyond it nothing is known.

    Nobody has no curve, only a name.
    """
    seen = curve.time <= end
    # Without a subject there is no 100 % at day 0 either.
    start, full = ([0.0], [100.0]) if len(curve.time) else ([], [])
    time, level = np.r_[start, curve.time[seen]], np.r_[full, 100 * curve.free[seen]]
    if len(curve.time) and not seen.all():
        time, level = np.r_[time, end], np.r_[level, level[-1]]
    axes.step(time, level, where="post", color=style[0], ls=style[1], lw=1.4, label=label)
    ticked = (curve.censored > 0) & seen
    axes.plot(curve.time[ticked], 100 * curve.free[ticked], "|", color=style[0], ms=7, mew=1)
    return _End(time, level, style[0]) if len(time) else None


def draw_kaplan_meier(
    curves: Mapping[str, Curve],
    risk: Mapping[str, Sequence[int]],
    days: Sequence[int],
    *,
    ylabel: str,
    xlabel: str,
    headings: Mapping[str, str] | None = None,
    visits: Sequence[int] = (),
    end: int | None = None,
) -> str:
    """Step curves with ticks where subjects are censored, each named at its end, and the number at risk under the axis.

    ``headings`` name the curves in the key, where that is more than their short names. ``days`` have their numbers on
    the axis, which goes to its ``end``, else to the last of them; a smaller tick stands at each of the ``visits`` between.

    Returns
    -------
    str
        SVG text.
    """
    last = days[-1] if end is None else end
    canvas = open_canvas(9.0, 5.0)
    grid = canvas.add_gridspec(2, 1, height_ratios=[5, 0.35 + 0.32 * len(curves)])
    axes = canvas.add_subplot(grid[0])
    ends: dict[str, _End] = {}
    for (label, curve), style in zip(curves.items(), STYLES, strict=False):
        drawn = _step(axes, curve, (headings or {}).get(label, label), style, last)
        if drawn:
            ends[label] = drawn
    axes.set(xlim=(-2, last + 4), ylim=(0, 103), xticks=list(days), ylabel=ylabel, xlabel=xlabel)
    axes.set_xticks([day for day in visits if day <= last], minor=True)
    axes.plot([], [], "|", color="#000000", ms=7, mew=1, ls="none", label="Censored")
    # Over the axes: within them a curve may run anywhere.
    axes.legend(
        frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2, ncols=len(curves) + 1, handlelength=3.2
    )
    axes.grid(axis="y", color="#e5e5e5", lw=0.6)
    _name_ends(axes, ends, last)
    _risk_table(canvas.add_subplot(grid[1]), curves, risk, days, last)
    return save_canvas(canvas)


def _name_ends(axes: Any, ends: Mapping[str, _End], last: float) -> None:
    """The name of each curve beside its end: right of the axis where it reaches it, else where no curve and no name is.

    A line to a name could be taken for a curve: there is none, unless the name had to move.
    """
    free = 103.0
    taken: list[_Box] = []
    for label, end in sorted(ends.items(), key=lambda item: -item[1].level[-1]):
        time, level = float(end.time[-1]), float(end.level[-1])
        beside, height = last + _MARGIN, min(level, free)
        if time < 0.96 * last:
            beside = time + 0.012 * last
            wide = _LETTER * last * len(label)
            drawn = [one for other in ends.values() for one in _steps_as_boxes(other)]
            heights = [level + step * side for step in np.arange(0.0, 60.0, 1.5) for side in (1, -1)]
            boxes = [(beside, beside + wide, at - _TALL / 2, at + _TALL / 2) for at in heights if _TALL / 2 <= at <= 103.0]
            box = next((one for one in boxes if not any(_meet(one, other) for other in (*drawn, *taken))), boxes[0])
            taken.append(box)
            height = (box[2] + box[3]) / 2
        else:
            free = height - _TALL
        leader = {"arrowprops": LEADER} if abs(height - level) >= _TALL / 2 else {}
        axes.annotate(
            label, (time, level), (beside, height), color=end.color, fontsize=8.5, va="center", annotation_clip=False, **leader
        )


def _steps_as_boxes(end: _End) -> Iterator[_Box]:
    """The lines of a step curve, each as left, right, low and high."""
    for at in range(len(end.time) - 1):
        yield end.time[at], end.time[at + 1], end.level[at], end.level[at]
        yield end.time[at + 1], end.time[at + 1], end.level[at + 1], end.level[at]


def _meet(one: _Box, other: _Box) -> bool:
    return one[0] <= other[1] and other[0] <= one[1] and one[2] <= other[3] and other[2] <= one[3]


def _risk_table(axes: Any, curves: Mapping[str, Curve], risk: Mapping[str, Sequence[int]], days: Sequence[int], last: int) -> None:
    axes.set(xlim=(-2, last + 4), ylim=(len(curves) - 0.5, -0.9))
    axes.axis("off")
    axes.text(
        -0.012, -0.75, "Number at risk", transform=axes.get_yaxis_transform(), ha="right", va="center", fontsize=8.5, **BOLD,
    )  # fmt: skip
    for place, ((label, _), style) in enumerate(zip(curves.items(), STYLES, strict=False)):
        axes.text(-0.012, place, label, transform=axes.get_yaxis_transform(), ha="right", va="center", color=style[0], fontsize=8.5)
        for day, number in zip(days, risk[label], strict=True):
            axes.text(day, place, str(number), ha="center", va="center", fontsize=8.5)


def draw_profiles(
    panels: Sequence[Sequence[Mapping[str, Any]]], *, xlabel: str, ticks: Sequence[int] = (), visits: Sequence[int] = ()
) -> str:
    """Individual courses: a row of panels per parameter, one line per subject, markers for final events.

    Each panel holds ``title``, ``ylabel``, ``lines`` (subject to days and values) and ``marks`` (label to days and
    values; the same labels in every panel, those without a day are not drawn). Up to `NAMED_LINES` subjects are told
    apart and named; more are thin lines, which their panels tell apart. Panels of a row share their axis. ``ticks`` have
    their numbers on it; a smaller tick stands at each of the ``visits`` between them.
    """
    rows, width = max(len(panels), 1), max((len(row) for row in panels), default=1)
    canvas = open_canvas(9.0, 5.0 if rows > 1 else 4.6)
    grid = canvas.subplots(rows, width, squeeze=False, sharey="row")
    # A subject looks the same in every panel, whether or not he is in all of them.
    drawn_lines = [who for row in panels for panel in row for who in panel["lines"]]
    places = {subject: place for place, subject in enumerate(dict.fromkeys(drawn_lines))}
    few = len(places) <= NAMED_LINES
    named: dict[str, Any] = {}
    for place, row in enumerate(panels):
        axes_row = grid[place]
        for at, (axes, panel) in enumerate(zip(axes_row, row, strict=False)):
            named |= _draw_courses(axes, panel, places, few=few)
            axes.set_title(panel["title"], fontsize=8.5)
            axes.set(ylabel=panel["ylabel"] if not at else "", xlabel=xlabel if place == rows - 1 else "")
            axes.set(**({"xticks": list(ticks)} if ticks else {}))
            axes.set_xticks([day for day in visits if ticks and day <= ticks[-1]], minor=True)
            axes.grid(color="#eeeeee", lw=0.6)
    if named:
        # Under the panels: within them lines may run anywhere.
        canvas.legend(
            list(named.values()), list(named), loc="outside lower center", ncols=5, frameon=False, fontsize=8, handlelength=3.2
        )
    return save_canvas(canvas)


def _draw_courses(axes: Any, panel: Mapping[str, Any], places: Mapping[str, int], *, few: bool) -> dict[str, Any]:
    """The lines and marks of a panel; what is drawn by the name it has in the key."""
    named: dict[str, Any] = {}
    ends: dict[str, tuple[float, float, str]] = {}
    for subject, (days, values) in panel["lines"].items():
        again, style = divmod(places[subject], len(STYLES))
        color, dash = STYLES[style] if few else ("#333333", "-")
        # A colour that comes again has another mark.
        sign, size = ("s", 4.0) if few and again else ("o", 2.2)
        look = {"ls": dash, "alpha": 0.9, "lw": 0.9} if few else {"ls": dash, "alpha": 0.5, "lw": 0.7}
        drawn = axes.plot(days, values, color=color, marker=sign, ms=size if few else 1.6, label=subject, **look)
        if few and len(days):
            named[subject] = drawn[0]
            ends[subject] = (days[-1], values[-1], color)
    for mark, (label, (days, values)) in zip(_MARKS, panel["marks"].items(), strict=False):
        if days:
            named[label] = axes.plot(days, values, mark, color="#B00020", ms=6, mew=1.4, ls="none", label=label)[0]
    _name_courses(axes, ends, [place for days, values in panel["marks"].values() for place in zip(days, values, strict=True)])
    return named


def _name_courses(axes: Any, ends: Mapping[str, tuple[float, float, str]], marked: Sequence[tuple[float, float]]) -> None:
    """The last part of a subject's number behind the end of the course, clear of a mark there.

    Names of courses that end near each other stand over each other, from the lowest course up: courses fall.
    """
    low, high = axes.get_ylim()
    left, right = axes.get_xlim()
    near, tall = (right - left) / 12, _NAME_SHARE * (high - low)
    placed: list[tuple[float, float]] = []
    for subject, (day, value, color) in sorted(ends.items(), key=lambda item: item[1][1]):
        height = max([value, *(other + tall for at, other in placed if abs(at - day) < near)])
        placed.append((day, height))
        own = [at for at, level in marked if 0 <= at - day < near and abs(level - value) < tall]
        aside = max([day, *own]) + (right - left) * (0.018 if own else 0.012)
        leader = {"arrowprops": LEADER} if own or height != value else {}
        axes.annotate(
            subject.rpartition("-")[2], (day, value), (aside, height), color=color, fontsize=8, va="center",
            annotation_clip=False, **leader,
        )  # fmt: skip
