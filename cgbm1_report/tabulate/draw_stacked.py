"""Draws shares that stand on each other over time: a panel per column, the ways to end told apart by shade and hatching."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cgbm1_report.tabulate.canvas import open_canvas, save_canvas

#: Shades that differ in grey too, from the lowest layer up, and what is drawn over them.
_LAYERS = (("#1F5F8B", ""), ("#F0B860", "////"), ("#C9C9C9", "...."), ("#8FB58A", "\\\\\\\\"))


class Stack(NamedTuple):
    """What a panel shows: times, and at each the share of every layer, from the lowest up; nothing is known after ``end``."""

    time: np.ndarray
    shares: Sequence[np.ndarray]
    end: float


def draw_stacked(
    panels: Mapping[str, Stack], layers: Sequence[str], rest: str, days: Sequence[int], *, ylabel: str, xlabel: str,
    visits: Sequence[int] = (),
) -> str:  # fmt: skip
    """Step areas of 0 to 100 %, one over the other; ``rest`` names what is left white above them.

    ``days`` have their numbers on the axis; a smaller tick stands at each of the ``visits`` between them.

    Returns
    -------
    str
        SVG text.
    """
    canvas = open_canvas(9.0, 4.2)
    grid = canvas.subplots(1, max(len(panels), 1), squeeze=False, sharey=True)[0]
    named: dict[str, Any] = {}
    for at, (axes, (title, stack)) in enumerate(zip(grid, panels.items(), strict=True)):
        named |= _draw_layers(axes, stack, layers, float(days[-1]))
        axes.set_title(title, fontsize=8.5)
        axes.set(xlim=(0, days[-1]), ylim=(0, 100), xticks=list(days), ylabel="" if at else ylabel, xlabel=xlabel)
        axes.set_xticks([day for day in visits if day <= days[-1]], minor=True)
        axes.tick_params(labelsize=8)
    from matplotlib.patches import Patch

    free = Patch(facecolor="white", edgecolor="#555555", lw=0.6)
    # The key from the top down, as the layers lie.
    keys = {rest: free, **dict(reversed(named.items()))}
    canvas.legend(list(keys.values()), list(keys), loc="outside upper center", ncols=len(keys), frameon=False, handlelength=2.4)
    return save_canvas(canvas)


def _draw_layers(axes: Any, stack: Stack, layers: Sequence[str], last: float) -> dict[str, Any]:
    """The areas of a panel, by the names they have in the key; nobody has none."""
    named: dict[str, Any] = {}
    end = min(stack.end, last)
    seen = stack.time <= end
    time = np.r_[0.0, stack.time[seen], end]
    below = np.zeros(len(time))
    for label, share, (color, hatch) in zip(layers, stack.shares, _LAYERS, strict=False):
        known = share[seen]
        above = below + 100 * np.r_[0.0, known, known[-1] if len(known) else 0.0]
        look = {"facecolor": color, "hatch": hatch, "edgecolor": "#333333", "linewidth": 0.5}
        named[label] = axes.fill_between(time, below, above, step="post", label=label, **look)
        below = above
    if len(stack.time) and end < last:
        axes.axvline(end, color="#555555", lw=0.8, ls=(0, (3, 2)))
    return named
