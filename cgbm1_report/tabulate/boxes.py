"""Draws box plots by visit: a panel per measure, a box per treatment, the number of values under the axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cgbm1_report.tabulate.canvas import STYLES, open_canvas, save_canvas

#: How boxes are filled, told apart in grey: face, hatching, colour of the median.
_FILLS = (("#FFFFFF", "", "#000000"), ("#0072B2", "", "#FFFFFF"), ("#F6D5BF", "/////", "#000000"), ("#BFBFBF", "", "#000000"))
#: Inches of the picture, which both sheets have room for.
WIDTH, HEIGHT = 9.4, 4.9
#: Share of a visit's place that its boxes take; points of the numbers under the axis.
_TAKEN, _SMALL = 0.78, 6.5


@dataclass(frozen=True)
class Box:
    """The values of a treatment at a visit: quartiles, ends of the whiskers, the values beyond them, how many there are."""

    n: int
    q1: float = 0.0
    median: float = 0.0
    q3: float = 0.0
    low: float = 0.0
    high: float = 0.0
    beyond: tuple[float, ...] = ()


@dataclass(frozen=True)
class Measured:
    """A measure: its name with unit, the boxes of each treatment by visit, and limits with their names."""

    heading: str
    boxes: Mapping[str, Sequence[Box]]
    limits: Mapping[str, float] = field(default_factory=dict)


def draw_boxes(panels: Sequence[Measured], headings: Mapping[str, str], visits: Sequence[str], *, xlabel: str) -> str:
    """Panels in two rows; in each a group of boxes at every visit.

    Parameters
    ----------
    headings
        The treatments with what the key says of them.
    visits
        What the axis says of each visit.

    Returns
    -------
    str
        SVG text.
    """
    from matplotlib.patches import Patch

    canvas = open_canvas(WIDTH, HEIGHT)
    wide = max(1, -(-len(panels) // 2))
    grid = canvas.subplots(2 if len(panels) > 1 else 1, wide, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.axis("off")
    for at, (axes, panel) in enumerate(zip(grid.flat, panels, strict=False)):
        _draw_panel(axes, panel, list(headings), visits, named=at % wide == 0)
    canvas.supxlabel(xlabel, fontsize=8.5)
    keys = [Patch(label=text, **_look(at)) for at, text in enumerate(headings.values())]
    canvas.legend(keys, list(headings.values()), loc="outside upper center", ncols=len(keys), frameon=False, fontsize=8.5)
    return save_canvas(canvas)


def _look(place: int) -> dict[str, Any]:
    face, hatch, _ = _FILLS[place % len(_FILLS)]
    return {"facecolor": face, "hatch": hatch, "edgecolor": STYLES[place % len(STYLES)][0], "linewidth": 0.6}


def _draw_panel(axes: Any, panel: Measured, columns: Sequence[str], visits: Sequence[str], *, named: bool) -> None:
    step = _TAKEN / max(1, len(columns))
    for at, column in enumerate(columns):
        boxes = panel.boxes.get(column, ())
        places = [visit + (at - (len(columns) - 1) / 2) * step for visit in range(len(boxes))]
        drawn = [(place, box) for place, box in zip(places, boxes, strict=True) if box.n]
        color = STYLES[at % len(STYLES)][0]
        if drawn:
            _draw_group(axes, drawn, step * 0.8, at)
        _write_numbers(axes, column if named else "", [box.n for box in boxes], at, color)
    for name, limit in panel.limits.items():
        # Limits may lie near each other: the higher one has its name above it, the lower one below.
        side = "bottom" if limit == max(panel.limits.values()) else "top"
        axes.axhline(limit, color="#555555", lw=0.7, ls=(0, (4, 3)), zorder=0)
        axes.annotate(name, (1.0, limit), xycoords=("axes fraction", "data"), xytext=(2, 0), textcoords="offset points",
                      fontsize=6.5, va=side, color="#555555")  # fmt: skip
    axes.set(xlim=(-0.6, len(visits) - 0.4), xticks=range(len(visits)))
    axes.set_xticklabels(visits, fontsize=6.5)
    axes.tick_params(axis="y", labelsize=7)
    axes.tick_params(axis="x", pad=1.5)
    axes.set_title(panel.heading, fontsize=8.5)


def _draw_group(axes: Any, drawn: Sequence[tuple[float, Box]], width: float, at: int) -> None:
    """The boxes of a treatment: whiskers, boxes, medians and what lies beyond, each drawn at once."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    color, half = STYLES[at % len(STYLES)][0], width / 2
    places = [place for place, _ in drawn]
    for low, high in (("low", "q1"), ("q3", "high")):
        axes.vlines(places, [getattr(box, low) for _, box in drawn], [getattr(box, high) for _, box in drawn], color=color, lw=0.6)
    bodies = [Rectangle((place - half, box.q1), width, box.q3 - box.q1) for place, box in drawn]
    axes.add_collection(PatchCollection(bodies, zorder=2, **_look(at)))
    median = [box.median for _, box in drawn]
    axes.hlines(
        median, [place - half for place in places], [place + half for place in places], color=_FILLS[at % len(_FILLS)][2], lw=1.0,
        zorder=3,
    )  # fmt: skip
    beyond = [(place, value) for place, box in drawn for value in box.beyond]
    far, off = [place for place, _ in beyond], [value for _, value in beyond]
    axes.plot(far, off, ls="none", marker="o", ms=1.8, mfc="none", mec=color, mew=0.5)


def _write_numbers(axes: Any, name: str, numbers: Sequence[int], line: int, color: str) -> None:
    """How many values a treatment has at each visit, a line under the axis for each."""
    down = -(13.0 + line * (_SMALL + 1.2))
    for visit, number in enumerate(numbers):
        written = axes.annotate(str(number), (visit, 0), xycoords=("data", "axes fraction"), xytext=(0, down),
                                textcoords="offset points", fontsize=_SMALL, ha="center", va="top", color=color)  # fmt: skip
        # The ends of a line say how much room it takes: to ask every number takes as long as to draw them.
        written.set_in_layout(visit in (0, len(numbers) - 1))
    if name:
        axes.annotate(name, (0, 0), xycoords="axes fraction", xytext=(-3, down), textcoords="offset points", fontsize=_SMALL,
                      ha="right", va="top", color=color)  # fmt: skip
