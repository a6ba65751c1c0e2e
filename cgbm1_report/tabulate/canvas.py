"""What figures are drawn on with matplotlib, and in which styles: the same bytes for the same numbers."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from cgbm1_report.assets import asset

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

#: Told apart without colour by dash, and by readers with colour-vision deficiency (Okabe and Ito's palette, without
#: yellow): no two lines have the same dash.
STYLES: tuple[tuple[str, Any], ...] = (
    ("#000000", "-"), ("#0072B2", (0, (6, 2))), ("#D55E00", (0, (6, 2, 1.2, 2))), ("#009E73", (0, (1.2, 1.6))),
    ("#CC79A7", (0, (10, 2, 1.2, 2, 1.2, 2))),
)  # fmt: skip
#: The mark of a treatment's values, in the order of the styles: told apart by shape.
MARKERS = ("o", "s", "^", "D", "v")
BOLD = {"weight": "bold"}
#: The line from a name that had to move to what it names: fine dots, which no course has.
LEADER = {"arrowstyle": "-", "color": "#808080", "lw": 0.5, "ls": (0, (0.8, 1.6)), "shrinkA": 1, "shrinkB": 2}
_BOLD = 700
#: The last has every sign, and no bold letters.
_FONTS = ("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf", "DroidSansFallbackFull.ttf")

#: Dots an inch: what a page is printed with at least.
_DOTS = 200.0

#: What is done to a picture before it is saved.
_CHANGE: ContextVar[Callable[[Any], None] | None] = ContextVar("change", default=None)


@contextmanager
def changed_canvas(change: Callable[[Any], None] | None) -> Iterator[None]:
    """Pictures that are saved meanwhile are changed before."""
    before = _CHANGE.set(change)
    try:
        yield
    finally:
        _CHANGE.reset(before)


def open_canvas(width: float, height: float) -> Canvas:
    """An empty picture of so many inches, in the report's fonts."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    _load_fonts()
    # No settings of a user's, of a folder's or of a notebook's.
    mpl.rcdefaults()
    mpl.rcParams.update(
        {
            "font.family": ["Liberation Sans", "Droid Sans Fallback"],
            "font.size": 9,
            # Text stays text in the SVG: it can be searched and read aloud.
            "svg.fonttype": "none",
            "svg.hashsalt": "cgbm1-report",
            # What stands between dollar signs is text of the data, no formula.
            "text.parse_math": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            # Titles stand at the axes' edge: without it matplotlib looks at every tick's words for what they might meet.
            "axes.titley": 1.0,
        }
    )
    return Figure(figsize=(width, height), layout="constrained")


def _load_fonts() -> None:
    """Tell matplotlib of the report's fonts, before all others: a system's of the same name has other widths and fewer signs."""
    from matplotlib import font_manager

    manager = font_manager.fontManager
    paths = [str(asset("templates", "fonts", name)) for name in _FONTS]
    if {entry.fname for entry in manager.ttflist[: len(paths)]} == set(paths):
        return
    others = [entry for entry in manager.ttflist if entry.fname not in paths]
    manager.ttflist.clear()
    for path in paths:
        manager.addfont(path)
    # Signs that bold letters lack stand as they are in plain ones: else matplotlib warns of the font, or of the sign.
    manager.ttflist += [replace(manager.ttflist[-1], weight=_BOLD), *others]


#: What matplotlib says of all lines of a drawing by a style sheet: in a page it would speak of every element, and a browser would
#: ask each again. The drawing's own element says it as well, since what lies in it inherits both.
_SHEET = ' <defs>\n  <style type="text/css">*{stroke-linejoin: round; stroke-linecap: butt}</style>\n </defs>\n'
_LINES = 'stroke-linejoin="round" stroke-linecap="butt"'


def save_canvas(canvas: Canvas) -> str:
    """The picture as SVG text."""
    vector = io.StringIO()
    for axis in (axis for axes in canvas.axes for axis in (axes.xaxis, axes.yaxis) if not axis.get_label_text()):
        # An axis without a name needs no place for it, which matplotlib looks for among its neighbours.
        axis.set_label_coords(0, 0)
    if layout := canvas.get_layout_engine():
        with warnings.catch_warnings():
            # Matplotlib would warn, and draw panels without any room: no picture is printed that nobody can read.
            warnings.filterwarnings("error", "constrained_layout not applied", UserWarning)
            layout.execute(canvas)
    # No engine at all: of one that is only silent matplotlib draws all again before it writes.
    canvas.set_layout_engine(None)
    if change := _CHANGE.get():
        change(canvas)
    canvas.savefig(vector, format="svg", metadata={"Date": None, "Creator": None})
    svg = vector.getvalue()
    svg = svg[svg.index("<svg") :]
    return svg.replace(_SHEET, "", 1).replace("<svg ", f"<svg {_LINES} ", 1)


def make_raster(svg: str, width: float, height: float) -> bytes:
    """An SVG of so many inches as PNG, with 200 dots an inch and on white: what PDF pages draw, by the same library.

    To draw all once more as dots takes matplotlib four times as long.
    """
    import typst

    # The drawing is an input, never markup.
    picture = '#image(bytes(sys.inputs.drawn), format: "svg", width: 100%, height: 100%)'
    return typst.compile(
        f"#set page(width: {width}in, height: {height}in, margin: 0pt)\n{picture}".encode(),
        format="png",
        ppi=_DOTS,
        sys_inputs={"drawn": svg},
        font_paths=_read_fonts(),
    )


@cache
def _read_fonts() -> Any:
    import typst

    return typst.Fonts(include_system_fonts=False, font_paths=[str(asset("templates", "fonts"))])
