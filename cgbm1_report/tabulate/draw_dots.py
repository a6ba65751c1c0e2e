"""Draws shares of several treatments beside the differences from the reference: a row per event, a mark per treatment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cgbm1_report.tabulate.canvas import MARKERS, STYLES, open_canvas, save_canvas

#: So much is printed of a row's name.
_NAME = 42
#: A picture has so many rows at most.
MOST_ROWS = 36
_NAN = float("nan")


@dataclass(frozen=True)
class Dots:
    """One row: of each column the share in per cent, and of each compared one the difference with its limits, in points."""

    label: str
    shares: Mapping[str, float]
    apart: Mapping[str, tuple[float, float, float]]


def draw_dots(
    rows: Sequence[Dots],
    headings: Mapping[str, str],
    compared: Sequence[str],
    *,
    reference: str | None,
    xlabel: str,
    size: tuple[float, float],
) -> str:
    """Shares on the left, differences with their intervals on the right; ``headings`` name the columns in the key.

    Returns
    -------
    str
        SVG text.
    """
    canvas = open_canvas(*size)
    width = 2 if compared else 1
    shares, *others = canvas.subplots(1, width, squeeze=False, sharey=True)[0]
    looks = dict(zip(headings, zip(STYLES * 2, MARKERS * 2, strict=True), strict=False))
    named = _draw_shares(shares, rows, headings, looks, xlabel)
    for axes in others:
        _draw_differences(axes, rows, compared, looks, str(reference))
    canvas.legend(list(named.values()), list(named), loc="outside upper center", ncols=len(named), frameon=False, fontsize=8)
    return save_canvas(canvas)


def _draw_shares(
    axes: Any, rows: Sequence[Dots], headings: Mapping[str, str], looks: Mapping[str, Any], xlabel: str
) -> dict[str, Any]:
    """The marks of the shares, by the names they have in the key; treatments stand a little above each other in a row."""
    named = {}
    for place, (column, heading) in enumerate(headings.items()):
        (color, _), marker = looks[column]
        heights = [at + _aside(place, len(headings)) for at in range(len(rows))]
        values = [row.shares[column] for row in rows]
        named[heading] = axes.plot(values, heights, color=color, marker=marker, ms=4.5, ls="none", mfc=_fill(place, color))[0]
    axes.set(ylim=(max(len(rows), 1) - 0.4, -0.7), yticks=range(len(rows)), xlabel=xlabel)
    axes.set_yticks(range(len(rows)), [_shorten(row.label) for row in rows], fontsize=8.0 if len(rows) <= 24 else 6.8)
    axes.set_xlim(-2, max([value for row in rows for value in row.shares.values() if value == value], default=100) * 1.06 + 2)
    axes.grid(color="#e5e5e5", lw=0.6)
    axes.tick_params(axis="y", length=0)
    if not rows:
        axes.text(0.5, 0.5, "No event", transform=axes.transAxes, ha="center", va="center", backgroundcolor="#ffffff")
    return named


def _draw_differences(axes: Any, rows: Sequence[Dots], compared: Sequence[str], looks: Mapping[str, Any], reference: str) -> None:
    """The differences of a row above each other, each with its interval."""
    known = False
    for place, column in enumerate(compared):
        (color, dash), marker = looks[column]
        for at, row in enumerate(rows):
            estimate, low, high = row.apart.get(column, (_NAN, _NAN, _NAN))
            height = at + _aside(place, len(compared))
            if estimate == estimate:
                known = True
                axes.plot([low, high], [height, height], color=color, ls=dash, lw=1.0)
                axes.plot([low, high], [height, height], "|", color=color, ms=4)
                fill = _fill(list(looks).index(column), color)
                axes.plot([estimate], [height], color=color, marker=marker, ms=4.5, ls="none", mfc=fill)
    axes.axvline(0, color="#666666", lw=0.8)
    axes.set_xlabel(f"Difference vs {reference} (percentage points) with 95% CI")
    axes.grid(color="#e5e5e5", lw=0.6)
    axes.tick_params(axis="y", length=0, labelleft=False)
    if rows and not known:
        axes.text(0.5, 0.5, "Not estimable", transform=axes.transAxes, ha="center", va="center", backgroundcolor="#ffffff")
    for text, way in ((f"more with {reference} ←", "right"), ("→ more with treatment", "left")):
        axes.annotate(
            text, (0, 1), (6 if way == "left" else -6, 3), xycoords=("data", "axes fraction"), textcoords="offset points", ha=way,
            va="bottom", fontsize=7.5, annotation_clip=False,
        )  # fmt: skip


def _aside(place: int, count: int) -> float:
    """How far from the middle of its row a mark stands."""
    return (place - (count - 1) / 2) * 0.24


def _fill(place: int, color: str) -> str:
    """The first treatment's marks are open, the others full."""
    return "#ffffff" if place == 0 else color


def _shorten(label: str) -> str:
    return label if len(label) <= _NAME else f"{label[: _NAME - 1].rstrip()}…"
