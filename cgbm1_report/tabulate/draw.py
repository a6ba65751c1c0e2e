"""Draws figures with matplotlib: the same bytes for the same numbers."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cgbm1_report.assets import asset

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from cgbm1_report.analyse.event_times import Curve

#: Told apart in print without colour by dash, and by readers with colour-vision deficiency
#: (Okabe and Ito's palette, without yellow).
STYLES = (("#000000", "-"), ("#0072B2", "-"), ("#D55E00", "--"), ("#009E73", "-."), ("#CC79A7", ":"))
_FONTS = ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf", "DroidSansFallbackFull.ttf")


def _canvas(width: float, height: float) -> Canvas:
    import matplotlib as mpl
    from matplotlib import font_manager
    from matplotlib.figure import Figure

    for name in _FONTS:
        path = str(asset("templates", "fonts", name))
        if path not in {entry.fname for entry in font_manager.fontManager.ttflist}:
            font_manager.fontManager.addfont(path)
    # No settings of a user's, of a folder's or of a notebook's.
    mpl.rcdefaults()
    mpl.rcParams.update(
        {
            "font.family": ["Liberation Sans", "Droid Sans Fallback"],
            "font.size": 9,
            # Text stays text in the SVG: it can be searched and read aloud.
            "svg.fonttype": "none",
            "svg.hashsalt": "cgbm1-report",
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
    )
    return Figure(figsize=(width, height), layout="constrained")


def _save(canvas: Canvas) -> tuple[str, bytes]:
    vector, raster = io.StringIO(), io.BytesIO()
    canvas.savefig(vector, format="svg", metadata={"Date": None, "Creator": None})
    canvas.savefig(raster, format="png", dpi=200, metadata={"Software": None})
    svg = vector.getvalue()
    return svg[re.search(r"<svg\b", svg).start() :], raster.getvalue()  # type: ignore[union-attr]


def _step(axes: Any, curve: Curve, label: str, style: tuple[str, str], end: float) -> None:
    """One curve from day 0 to the last time observed: beyond it nothing is known. Nobody has no curve, only a name."""
    seen = curve.time <= end
    # Without a subject there is no 100 % at day 0 either.
    start, full = ([0.0], [100.0]) if len(curve.time) else ([], [])
    time, level = np.r_[start, curve.time[seen]], np.r_[full, 100 * curve.free[seen]]
    if len(curve.time) and not seen.all():
        time, level = np.r_[time, end], np.r_[level, level[-1]]
    axes.step(time, level, where="post", color=style[0], ls=style[1], lw=1.4, label=label)
    ticked = (curve.censored > 0) & seen
    axes.plot(curve.time[ticked], 100 * curve.free[ticked], "|", color=style[0], ms=7, mew=1)


def draw_kaplan_meier(
    curves: Mapping[str, Curve], risk: Mapping[str, Sequence[int]], days: Sequence[int], *, ylabel: str, xlabel: str
) -> tuple[str, bytes]:
    """Step curves with censoring ticks, and the number at risk under the axis.

    Returns
    -------
    tuple
        SVG text and PNG bytes of the same picture.
    """
    canvas = _canvas(9.0, 5.0)
    grid = canvas.add_gridspec(2, 1, height_ratios=[5, 0.35 + 0.32 * len(curves)])
    axes = canvas.add_subplot(grid[0])
    for (label, curve), style in zip(curves.items(), STYLES, strict=False):
        _step(axes, curve, label, style, days[-1])
    axes.set(xlim=(-2, days[-1] + 4), ylim=(0, 103), xticks=list(days), ylabel=ylabel, xlabel=xlabel)
    # Over the axes: within them a curve may run anywhere.
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2, ncols=len(curves))
    axes.grid(axis="y", color="#e5e5e5", lw=0.6)
    _risk_table(canvas.add_subplot(grid[1]), curves, risk, days)
    return _save(canvas)


def _risk_table(axes: Any, curves: Mapping[str, Curve], risk: Mapping[str, Sequence[int]], days: Sequence[int]) -> None:
    axes.set(xlim=(-2, days[-1] + 4), ylim=(len(curves) - 0.5, -0.9))
    axes.axis("off")
    axes.text(
        -0.012, -0.75, "Number at risk", transform=axes.get_yaxis_transform(), ha="right", va="center", fontsize=8, weight="bold"
    )
    for place, ((label, _), style) in enumerate(zip(curves.items(), STYLES, strict=False)):
        axes.text(-0.012, place, label, transform=axes.get_yaxis_transform(), ha="right", va="center", color=style[0], fontsize=8)
        for day, number in zip(days, risk[label], strict=True):
            axes.text(day, place, str(number), ha="center", va="center", fontsize=8)


def draw_profiles(panels: Sequence[Mapping[str, Any]], *, xlabel: str) -> tuple[str, bytes]:
    """Individual courses: one panel per parameter, one line per subject, markers for final events.

    Each panel holds ``title``, ``unit``, ``lines`` (subject to days and values) and ``marks``
    (label to days and values; the same labels in every panel, those without a day are not drawn).
    """
    canvas = _canvas(9.0, 4.6)
    axes_row = canvas.subplots(1, max(len(panels), 1), squeeze=False)[0]
    # A subject looks the same in every panel, whether or not he is in all of them.
    places = {subject: place for place, subject in enumerate(dict.fromkeys(who for panel in panels for who in panel["lines"]))}
    few = len(places) <= 8
    named: dict[str, Any] = {}
    for axes, panel in zip(axes_row, panels, strict=False):
        for subject, (days, values) in panel["lines"].items():
            again, style = divmod(places[subject], len(STYLES))
            color, dash = STYLES[style]
            # A colour that comes again has another mark.
            sign, size = ("s", 4.0) if few and again else ("o", 2.2)
            look = {"ls": dash, "alpha": 0.9} if few else {"ls": "-", "alpha": 0.45}
            drawn = axes.plot(days, values, color=color, lw=0.9, marker=sign, ms=size, label=subject, **look)
            named |= {subject: drawn[0]} if few else {}
        for mark, (label, (days, values)) in zip("xD^", panel["marks"].items(), strict=False):
            if days:
                named[label] = axes.plot(days, values, mark, color="#B00020", ms=6, mew=1.4, ls="none", label=label)[0]
        axes.set(title=panel["title"], xlabel=xlabel, ylabel=panel["unit"])
        axes.grid(color="#eeeeee", lw=0.6)
    if named:
        # Under the panels: within them lines may run anywhere.
        canvas.legend(list(named.values()), list(named), loc="outside lower center", ncols=5, frameon=False, fontsize=7)
    return _save(canvas)
