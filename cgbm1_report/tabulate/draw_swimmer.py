"""Draws a bar per subject over time, in groups, with the events of the subject on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cgbm1_report.tabulate.canvas import BOLD, open_canvas, save_canvas

#: How events are marked, in the order they are named in: told apart by shape; the second colour is of what fills them.
_MARKS = (("v", "#000000", "#ffffff"), ("D", "#D55E00", "#D55E00"), ("^", "#0072B2", "#0072B2"), ("X", "#000000", "#000000"))
#: The bars of the groups, from light to dark.
_BARS = ("#e6e6e6", "#cfe3f1", "#f6d5b8", "#cbe8dd", "#ecd5e2")
_ONGOING = ">"


@dataclass(frozen=True)
class Lane:
    """One subject: the name, the last day, the days of each kind of event, and whether he is still followed."""

    name: str
    end: float
    marks: Mapping[str, Sequence[float]]
    ongoing: bool


def draw_swimmer(
    groups: Mapping[str, Sequence[Lane]],
    *,
    events: Sequence[str],
    ongoing: str,
    xlabel: str,
    ticks: Sequence[int],
    visits: Sequence[int],
    size: tuple[float, float],
) -> str:
    """Bars from day 0 to the last day, each with its number; groups are headed, also those of nobody.

    Returns
    -------
    str
        SVG text.
    """
    canvas = open_canvas(*size)
    axes = canvas.subplots()
    lanes = [lane for own in groups.values() for lane in own]
    rows = len(lanes) + len(groups)
    last = max([lane.end for lane in lanes] + [float(ticks[-1])])
    type_size = min(8.0, 260 / max(rows, 1))
    height, names = 0, {}
    for place, (heading, own) in enumerate(groups.items()):
        names[height] = heading
        for lane in own:
            height += 1
            names[height] = lane.name
            _draw_lane(axes, lane, height, _BARS[place % len(_BARS)], events, last)
        height += 1
    axes.set(ylim=(rows - 0.4, -0.7), xlim=(-0.01 * last, 1.1 * last), xlabel=xlabel, xticks=list(ticks))
    axes.set_xticks([day for day in visits if day <= last], minor=True)
    axes.set_yticks(list(names), list(names.values()), fontsize=type_size)
    headed = set(names) - {at for at, name in names.items() if name in {lane.name for lane in lanes}}
    for at, label in zip(names, axes.get_yticklabels(), strict=True):
        if at in headed:
            label.set(**BOLD)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#e5e5e5", lw=0.6)
    axes.set_axisbelow(True)
    _name_marks(axes, canvas, lanes, events, ongoing)
    return save_canvas(canvas)


def _draw_lane(axes: Any, lane: Lane, height: int, color: str, events: Sequence[str], last: float) -> None:
    axes.barh(height, lane.end, height=0.62, color=color, edgecolor="#555555", lw=0.6)
    together = Counter(day for event in events for day in lane.marks.get(event, ()))
    met: Counter[float] = Counter()
    for event, (marker, edge, fill) in zip(events, _MARKS, strict=False):
        for day in lane.marks.get(event, ()):
            # Events of one day stand above each other.
            aside = (met[day] - (together[day] - 1) / 2) * 0.34
            met[day] += 1
            axes.plot([day], [height + aside], marker, ms=6, mec=edge, mfc=fill, mew=0.9, ls="none", zorder=3)
    if lane.ongoing:
        axes.plot([lane.end + 0.012 * last], [height], _ONGOING, ms=6, color="#000000", ls="none", zorder=3)
    axes.text(lane.end + (0.025 if lane.ongoing else 0.012) * last, height, f"{lane.end:.0f}", va="center", fontsize=7.5)


def _name_marks(axes: Any, canvas: Any, lanes: Sequence[Lane], events: Sequence[str], ongoing: str) -> None:
    """The key of what is drawn."""
    named = {}
    for event, (marker, edge, fill) in zip(events, _MARKS, strict=False):
        if any(lane.marks.get(event) for lane in lanes):
            named[event] = axes.plot([], [], marker, ms=6, mec=edge, mfc=fill, mew=0.9, ls="none")[0]
    if any(lane.ongoing for lane in lanes):
        named[ongoing] = axes.plot([], [], _ONGOING, ms=6, color="#000000", ls="none")[0]
    if named:
        canvas.legend(list(named.values()), list(named), loc="outside upper center", ncols=len(named), frameon=False, fontsize=8)
    if not lanes:
        axes.text(0.5, 0.5, "No subject", transform=axes.transAxes, ha="center", va="center", backgroundcolor="#ffffff")
