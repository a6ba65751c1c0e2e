"""Draws subjects by two highest values on logarithmic axes, in the quadrants of two limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cgbm1_report.tabulate.canvas import MARKERS, STYLES, open_canvas, save_canvas

#: The sign of each marker in words, every second hollow: told apart in grey too.
SIGNS = ("○", "■", "▲", "◊", "▼")
#: Numbers an axis of multiples may have.
_NUMBERS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
#: Inches of a picture, which both sheets have room for.
WIDTH, HEIGHT = 9.4, 4.8
#: How far an axis goes beyond the values and the limit, as a factor.
_MARGIN = 1.25
#: The share of a panel's height that a line in a corner takes, and what is kept free beside the lines: no point lies there.
_LINE, _FREE = 0.075, 0.04
#: Points are named up to so many in a panel, and where the next is so far away, as shares of the panel.
_NAMED, _APART = 20, (0.09, 0.06)


@dataclass(frozen=True)
class Points:
    """Subjects of a treatment: their values, who has a ring, and their names."""

    x: Sequence[float]
    y: Sequence[float]
    ringed: Sequence[bool]
    names: Sequence[str] = ()


@dataclass(frozen=True)
class Panel:
    """Two measures with their limits; ``corners`` are the lines of words of each quadrant by its place: ``upper right``."""

    title: str
    xlabel: str
    ylabel: str
    limits: tuple[float, float]
    points: Mapping[str, Points]
    corners: Mapping[str, Sequence[str]] = field(default_factory=dict)


def draw_quadrants(panels: Sequence[Panel], headings: Mapping[str, str], ring: str, *, named: bool = False) -> str:
    """Panels, two in a row, with a mark for each treatment and a ring around some.

    Parameters
    ----------
    headings
        The treatments with what the key says of them.
    ring
        What a ring means.
    named
        Whether points have names, where these can be read.

    Returns
    -------
    str
        SVG text.
    """
    canvas = open_canvas(WIDTH, HEIGHT)
    grid = canvas.subplots(-(-len(panels) // 2), 2, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.axis("off")
    for axes, panel in zip(grid.flat, panels, strict=False):
        _draw_panel(axes, panel, list(headings), named=named)
    marks = [grid.flat[0].plot([], [], ls="none", **_look(at), label=text)[0] for at, text in enumerate(headings.values())]
    marks.append(grid.flat[0].plot([], [], ls="none", **_RING, label=ring)[0])
    canvas.legend(
        marks, [mark.get_label() for mark in marks], loc="outside lower center", ncols=len(marks), frameon=False, fontsize=8.5
    )
    return save_canvas(canvas)


_RING = {"marker": "o", "ms": 8.5, "mfc": "none", "mec": "#000000", "mew": 0.7}


def _look(place: int) -> dict[str, Any]:
    """A treatment's mark: by shape, by colour, hollow or not."""
    color = STYLES[place % len(STYLES)][0]
    hollow = SIGNS[place % len(SIGNS)] in "○◊"
    size = 4.6 if hollow else 4.2
    return {"marker": MARKERS[place % len(MARKERS)], "ms": size, "mec": color, "mfc": "#FFFFFF" if hollow else color, "mew": 0.9}


def _draw_panel(axes: Any, panel: Panel, columns: Sequence[str], *, named: bool) -> None:
    groups = panel.points.values()
    every = [np.array([value for one in groups for value in one.x]), np.array([value for one in groups for value in one.y])]
    axes.set(xscale="log", yscale="log", xlabel=panel.xlabel, ylabel=panel.ylabel)
    (low, high), bounds = (_range(values, limit) for values, limit in zip(every, panel.limits, strict=True))
    axes.set_xlim(low, high)
    # A result of 0 has no logarithm: it stands left of all others, or below them.
    edges = low * _MARGIN**0.5, bounds[0] * _MARGIN**0.5
    # Room above and below for the words of the corners, so that these lie over no point.
    below, above = (_FREE + _LINE * max(map(len, own), default=0) for own in _split_corners(panel))
    whole = np.log(bounds[1] / bounds[0]) / (1 - below - above)
    axes.set_ylim(bounds[0] * np.exp(-below * whole), bounds[1] * np.exp(above * whole))
    for axis, limit in zip((axes.xaxis, axes.yaxis), panel.limits, strict=True):
        _number(axis, limit)
    axes.axvline(panel.limits[0], color="#555555", lw=0.8, ls=(0, (4, 3)))
    axes.axhline(panel.limits[1], color="#555555", lw=0.8, ls=(0, (4, 3)))
    for at, column in enumerate(columns):
        own = panel.points.get(column, Points((), (), ()))
        x, y = (np.maximum(np.array(values, dtype=float), edge) for values, edge in zip((own.x, own.y), edges, strict=True))
        axes.plot(x, y, ls="none", alpha=0.85, **_look(at))
        ringed = np.array(own.ringed, dtype=bool)
        axes.plot(x[ringed], y[ringed], ls="none", **_RING)
    if named and len(every[0]) <= _NAMED:
        _name_points(axes, panel, edges)
    _write_corners(axes, panel)
    axes.set_title(panel.title, fontsize=9)
    axes.tick_params(labelsize=8)


def _range(values: np.ndarray, limit: float) -> tuple[float, float]:
    """The ends of an axis: around the values that have a logarithm and around the limit."""
    drawn = values[values > 0]
    low, high = min([limit / 2, *drawn]), max([limit * 2, *drawn])
    return low / _MARGIN, high * _MARGIN


def _number(axis: Any, limit: float) -> None:
    """Numbers as they are spoken, the limit among them."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    low, high = sorted(axis.get_view_interval())
    near = [one for one in _NUMBERS if low <= one <= high and abs(np.log(one / limit)) > 0.3]
    axis.set_major_locator(FixedLocator(sorted([*near, limit])))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def _name_points(axes: Any, panel: Panel, edges: tuple[float, float]) -> None:
    """The name of each point right of it, where no other point is near."""
    told = [
        (max(x, edges[0]), max(y, edges[1]), name)
        for own in panel.points.values()
        for x, y, name in zip(own.x, own.y, own.names, strict=False)
    ]
    places = [axes.transAxes.inverted().transform(axes.transData.transform((x, y))) for x, y, _ in told]
    for at, (place, (x, y, name)) in enumerate(zip(places, told, strict=True)):
        others = [other - place for number, other in enumerate(places) if number != at]
        if not any(-_APART[0] / 3 < right < _APART[0] and abs(up) < _APART[1] for right, up in others):
            axes.annotate(name, (x, y), (5, 0), textcoords="offset points", fontsize=7, va="center")


def _split_corners(panel: Panel) -> tuple[list[Sequence[str]], list[Sequence[str]]]:
    """What the lower and what the upper corners say."""
    lower = [lines for place, lines in panel.corners.items() if not place.startswith("upper")]
    return lower, [lines for place, lines in panel.corners.items() if place.startswith("upper")]


def _write_corners(axes: Any, panel: Panel) -> None:
    for place, lines in panel.corners.items():
        high, side = place.split()
        axes.text(
            0.01 if side == "left" else 0.99, 0.98 if high == "upper" else 0.02, "\n".join(lines), transform=axes.transAxes,
            ha=side, va="top" if high == "upper" else "bottom", fontsize=7.5, linespacing=1.1,
            bbox={"facecolor": "#FFFFFF", "edgecolor": "none", "pad": 0.8},
        )  # fmt: skip
