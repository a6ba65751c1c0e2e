"""Table and Figure: the one representation of an output, final strings plus the numbers behind them.

Everything that prints a number rounds it here and nowhere else: half away from zero on the decimal
value, never on the binary one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from cgbm1_report.paper import Paper, find_paper
from cgbm1_report.rows import Key
from cgbm1_report.tabulate.named import Numbered

if TYPE_CHECKING:
    import pandas as pd
    from great_tables import GT

NOT_ESTIMABLE, NO_VALUE, EMPTY_TABLE = "NE", "-", "No observations"
#: What an output of a blinded phase says of itself: below its title, and behind its program.
POOLED_GROUPS, BLINDED_DATA = "blinded: all treatment groups pooled", "blinded data"

_PLACE = re.compile(r"\{([^{}]+)\}")


def round_half_up(value: float, dp: int) -> str:
    """Print a number with ``dp`` decimals, halves away from zero.

    The decimal value is the shortest one that names the float (12 significant digits), so that
    1/16 % = 6.25 prints 6.3 and 2.675 prints 2.68, as a reader with a pocket calculator expects.
    """
    if not math.isfinite(value):
        return NOT_ESTIMABLE
    exact = Decimal(f"{value:.12g}")
    text = str(exact.quantize(Decimal(1).scaleb(-dp), rounding=ROUND_HALF_UP))
    # A change of -0.04 prints 0.0: a minus sign in front of a zero says nothing.
    return text.lstrip("-") if not text.strip("-0.") else text


@dataclass(frozen=True)
class Column:
    """A column of a table: ``N`` is printed under the label as ``(N=xx)`` where it is given.

    ``width`` is its share of the page, relative to the other columns. ``spanner`` is a heading over
    neighbouring columns that carry the same one. ``stands_for`` are the variables and levels the records of the
    column have in common: its treatment; nothing where it holds everybody. A column may also hold a statistic:
    ``measure`` and ``statistic`` are then the last parts of its results' keys, and the rows say whose they are; ``context``
    is the analysis it prints, where a measure has several.
    Columns that print their value ``once`` say it where it differs from the row above in any of them, and at the top of
    each page; the cells have it in every row.
    """

    key: str
    label: str
    N: int | None = None
    width: float = 1.0
    align: Literal["left", "center", "right"] = "center"
    spanner: str | None = None
    stands_for: Key = ()
    measure: Key = ()
    statistic: str = ""
    once: bool = False
    context: str = ""

    @property
    def heading(self) -> str:
        return self.label if self.N is None else f"{self.label}\n(N={self.N})"


@dataclass(frozen=True)
class Row:
    """One printed line: its key in the results, its label, and one text per column.

    ``head`` marks a line that heads the rows below it and must not stay alone at a page's end.
    ``cells`` may lack a column: that cell is blank. ``column`` is whose results it prints where the columns are
    statistics, ``measure`` what they are of where that is not the columns' own; ``places`` are the whole keys of cells, by column,
    where the cells of one line are results of several rows; ``changed`` marks it where an earlier build said another thing.
    """

    key: Key
    label: str
    indent: int = 0
    cells: dict[str, str] = field(default_factory=dict)
    head: bool = False
    column: str = ""
    measure: Key = ()
    places: Mapping[str, Key] = field(default_factory=dict)
    changed: bool = False


@dataclass(frozen=True)
class Stamp:
    """What stands on every page besides the output: whose, of which cut, made by what and when; and the page's size.

    ``produced`` is empty where the run time is not fixed: then no page says one. ``synthetic`` data are coded with no licensed
    dictionary. ``sponsor`` is the author that files name. ``blind`` says of which phases the treatment is taken out, ``status``
    whether the build is a draft or final. Of ``supplied`` analysis data nothing was derived.
    """

    protocol: str
    mark: str
    cutoff: str
    program: str
    produced: str
    paper: str = "a4"
    synthetic: bool = False
    sponsor: str = ""
    blind: str = ""
    status: str = ""
    supplied: bool = False

    @property
    def dated(self) -> datetime | None:
        """When files say they were made: the fixed run time, else the data cut-off, never by the clock."""
        for text in (self.produced.removesuffix(" UTC"), self.cutoff):
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                continue
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return None

    @property
    def sheet(self) -> Paper:
        return find_paper(self.paper)

    @property
    def line(self) -> str:
        """What stands on every page besides the output, on one line: protocol, state, data cut-off, run time."""
        told = (f"Protocol {self.protocol}", self.mark, f"Data cut-off: {self.cutoff}", self.produced_note)
        return " | ".join(text for text in told if text)

    @property
    def produced_note(self) -> str:
        """The run time as a page says it, or nothing."""
        return f"Produced: {self.produced}" if self.produced else ""


@dataclass(frozen=True, repr=False)
class Table(Numbered):
    """A summary table or a listing, ready to print.

    A summary table has a stub (``stub_label`` heads it, ``Row.label`` fills it); a listing has none
    (``stub_label`` is None) and prints ``Row.cells`` only. ``blocks`` are the indices of rows that
    start a block (a subject, a SOC, a visit): the places where a page is best broken.
    ``abbreviations`` are those it prints, with their words; ``program`` is the part of the program that made it.
    No rows at all print as ``No observations``. ``place`` are the headings it stands under in the report,
    from the outermost. ``links`` are the numbers of the outputs it leads to: of a table its listings, of a listing
    what is counted of it; a document links those it holds. ``marks`` are rows that begin a part with a name of its own, with
    the name: bookmarks lead to them.
    """

    number: str
    title: str
    population: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    footnotes: tuple[str, ...]
    source: str
    stamp: Stamp
    ard: pd.DataFrame
    kind: Literal["table", "listing"] = "table"
    stub_label: str | None = ""
    stub_width: float = 3.0
    blocks: tuple[int, ...] = ()
    subtitle: str = ""
    abbreviations: Mapping[str, str] = field(default_factory=dict)
    program: str = ""
    place: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    marks: tuple[tuple[int, str], ...] = ()

    def as_gt(self) -> GT:
        """The table as a great_tables object, to be styled further and shown in a notebook; see `tabulate.great.make_gt`."""
        from cgbm1_report.tabulate.great import make_gt

        return make_gt(self)


@dataclass(frozen=True, repr=False)
class Figure(Numbered):
    """A figure, drawn as SVG, with the numbers it shows.

    ``alt`` says in words what the picture shows, for those who cannot see it. ``width_in`` and
    ``height_in`` are its printed size in inches.
    """

    number: str
    title: str
    population: str
    svg: str
    alt: str
    footnotes: tuple[str, ...]
    source: str
    stamp: Stamp
    ard: pd.DataFrame
    width_in: float = 9.0
    height_in: float = 5.0
    subtitle: str = ""
    kind: Literal["figure"] = "figure"
    abbreviations: Mapping[str, str] = field(default_factory=dict)
    program: str = ""
    place: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    @cached_property
    def png(self) -> bytes:
        """The same drawing as PNG, for Word, RTF and old browsers; made of the SVG when it is first asked for."""
        from cgbm1_report.tabulate.canvas import make_raster

        return make_raster(self.svg, self.width_in, self.height_in)


Output = Table | Figure


@dataclass(frozen=True)
class Printed:
    """The text of a cell, and of each statistic in it the text and the format.

    A format is one of the aliases of R's ``cards``: ``x`` and ``x.xx`` say the decimals, ``x.x%`` that the statistic
    is printed as a percentage.
    """

    text: str
    parts: dict[str, str]
    formats: dict[str, str] = field(default_factory=dict)


#: How the statistics of one cell become its text.
Show = Callable[[Mapping[str, float]], Printed]


def _format(dp: int, percent: bool = False) -> str:
    return ("x." + "x" * dp if dp else "x") + ("%" if percent else "")


def _number(stats: Mapping[str, float], name: str, dp: int, percent: bool = False) -> str:
    value = stats.get(name, math.nan)
    return NO_VALUE if math.isnan(value) else round_half_up(100 * value if percent else value, dp)


def count_percent(stats: Mapping[str, float]) -> Printed:
    """``n (xx.x)``; a count of 0 prints ``0``, a denominator of 0 prints ``-``."""
    count, share = round_half_up(stats["n"], 0), _number(stats, "p", 1, percent=True)
    formats = {"n": _format(0), "p": _format(1, percent=True)}
    if share == NO_VALUE:
        return Printed(NO_VALUE, {"n": NO_VALUE}, formats)
    if stats["n"] == 0:
        return Printed(count, {"n": count}, formats)
    return Printed(f"{count} ({share})", {"n": count, "p": share}, formats)


def count_percent_events(stats: Mapping[str, float]) -> Printed:
    """``n (xx.x) [events]``; without a subject only ``0``."""
    counted = count_percent(stats)
    if "p" not in counted.parts:
        return counted
    events = round_half_up(stats["n_events"], 0)
    return Printed(f"{counted.text} [{events}]", {**counted.parts, "n_events": events}, {**counted.formats, "n_events": _format(0)})


def out_of(stats: Mapping[str, float]) -> Printed:
    """``n/N`` for rates whose denominator is not the column's N."""
    if not stats["N"]:
        return Printed(NO_VALUE, {})
    parts = {name: round_half_up(stats[name], 0) for name in ("n", "N")}
    return Printed(f"{parts['n']}/{parts['N']}", parts, dict.fromkeys(parts, _format(0)))


def out_of_percent(stats: Mapping[str, float]) -> Printed:
    """``n/N (xx.x)``: a share of others than the column's N; of nobody ``-``, without a subject no percentage."""
    counted = out_of(stats)
    if not counted.parts or not stats["n"]:
        return counted if counted.parts else Printed(NO_VALUE, {})
    share = _number(stats, "p", 1, percent=True)
    return Printed(f"{counted.text} ({share})", {**counted.parts, "p": share}, {**counted.formats, "p": _format(1, percent=True)})


def count_of(name: str) -> Show:
    """A bare count by its name: ``N`` of a summary, ``N_nonmiss`` of categories."""

    def show(stats: Mapping[str, float]) -> Printed:
        text = round_half_up(stats[name], 0)
        return Printed(text, {name: text}, {name: _format(0)})

    return show


#: A bare count of subjects.
count = count_of("n")


def mean_sd(dp: int, *, names: tuple[str, str] = ("mean", "sd"), missing: str = NO_VALUE) -> Show:
    """``mean (SD)`` with one and two decimals more than the raw value has; ``missing`` where there is none.

    ``names`` are the statistics: of an adjusted mean its estimate and standard error.
    """
    mean, spread = names
    formats = {mean: _format(dp + 1), spread: _format(dp + 2)}

    def show(stats: Mapping[str, float]) -> Printed:
        parts = {mean: _number(stats, mean, dp + 1), spread: _number(stats, spread, dp + 2)}
        parts = {name: missing if text == NO_VALUE else text for name, text in parts.items()}
        return Printed(missing if parts[mean] == missing else f"{parts[mean]} ({parts[spread]})", parts, formats)

    return show


def numbers(names: Sequence[str], dp: int, pattern: str = "", missing: str = NO_VALUE, *, percent: bool = False) -> Show:
    """Statistics by name with the same decimals, in ``pattern`` (default: joined by a comma).

    Where all of them are missing the cell is ``missing``; a single one prints as ``missing`` in its place: a
    median that is not reached has a lower limit worth reading. ``percent`` prints proportions as percentages.
    """
    # Names may hold a point, which a pattern takes for an attribute.
    layout = pattern or ", ".join(f"{{{name}}}" for name in names)
    formats = dict.fromkeys(names, _format(dp, percent))

    def show(stats: Mapping[str, float]) -> Printed:
        parts = {name: _number(stats, name, dp, percent) for name in names}
        parts = {name: missing if text == NO_VALUE else text for name, text in parts.items()}
        if set(parts.values()) == {missing}:
            return Printed(missing, {names[0]: missing}, formats)
        return Printed(_PLACE.sub(lambda place: parts[place[1]], layout), parts, formats)

    return show


def p_value(stats: Mapping[str, float], name: str = "p.value") -> Printed:
    """Four decimals, ``<0.0001`` below and ``>0.9999`` above what they can say; ``name`` says which p."""
    value = stats.get(name, math.nan)
    if math.isnan(value):
        text = NOT_ESTIMABLE
    elif value < 0.0001:
        text = "<0.0001"
    elif value > 0.9999:
        text = ">0.9999"
    else:
        text = round_half_up(value, 4)
    return Printed(text, {name: text}, {name: _format(4)})


@dataclass(frozen=True)
class Line:
    """One line of a table's layout: where its numbers are and how they print.

    ``row`` is the key of the numbers. Of several lines that print different statistics of one row each but one has a
    ``statistic``, its name: it is the last part of the line's key. ``context`` is the analysis whose numbers the line
    prints, where a row has several; by default the first. Without ``show`` the line is a heading.
    ``columns`` limits the line to those columns; the others stay blank. ``texts`` are cells that are
    words, not numbers (a decision, a date), by column. Where the columns are statistics, ``column`` is whose numbers
    the line prints, ``shows`` how, by column, and ``measure`` what they are of where that is not the columns' own; ``places``
    are by column the keys of numbers of several rows that stand in one line.
    """

    row: Key
    label: str
    show: Show | None = None
    indent: int = 0
    statistic: str = ""
    context: str = ""
    columns: tuple[str, ...] | None = None
    block: bool = False
    texts: Mapping[str, str] | None = None
    column: str = ""
    shows: Mapping[str, Show] = field(default_factory=dict)
    measure: Key = ()
    places: Mapping[str, Key] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """The key of the printed line."""
        return (*self.row, ("statistic", self.statistic)) if self.statistic else self.row
