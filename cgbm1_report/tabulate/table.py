"""Table and Figure: the one representation of an output, final strings plus the numbers behind them.

Everything that prints a number rounds it here and nowhere else: half away from zero on the decimal
value, never on the binary one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

import pandas as pd

from cgbm1_report.paper import Paper, find_paper

#: What a row key is joined with. Row labels hold slashes (SOC/PT, RECOVERED/RESOLVED), never this.
KEY_SEPARATOR = " | "

ARD_COLUMNS = ("output", "row", "column", "stat", "value", "text", "subjects")

NOT_ESTIMABLE = "NE"
NO_VALUE = "-"
EMPTY_TABLE = "No observations"


def row_key(*labels: str) -> str:
    """Key of a row: its labels from the outermost inwards."""
    return KEY_SEPARATOR.join(labels)


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
    neighbouring columns that carry the same one.
    """

    key: str
    label: str
    N: int | None = None
    width: float = 1.0
    align: Literal["left", "center", "right"] = "center"
    spanner: str | None = None

    @property
    def heading(self) -> str:
        return self.label if self.N is None else f"{self.label}\n(N={self.N})"


@dataclass(frozen=True)
class Row:
    """One printed line: its key in the results, its label, and one text per column.

    ``head`` marks a line that heads the rows below it and must not stay alone at a page's end.
    ``cells`` may lack a column: that cell is blank.
    """

    key: str
    label: str
    indent: int = 0
    cells: dict[str, str] = field(default_factory=dict)
    head: bool = False


@dataclass(frozen=True)
class Stamp:
    """What stands on every page besides the output: whose, of which cut, made by what and when; and the page's size.

    ``produced`` is empty where the run time is not fixed: then no page says one. ``synthetic`` data are
    coded with no licensed dictionary.
    """

    protocol: str
    mark: str
    cutoff: str
    program: str
    produced: str
    paper: str = "a4"
    synthetic: bool = False

    @property
    def sheet(self) -> Paper:
        """The sheet of `paper`."""
        return find_paper(self.paper)

    @property
    def produced_note(self) -> str:
        """The run time as a page says it, or nothing."""
        return f"Produced: {self.produced}" if self.produced else ""


@dataclass(frozen=True)
class Table:
    """A summary table or a listing, ready to print.

    A summary table has a stub (``stub_label`` heads it, ``Row.label`` fills it); a listing has none
    (``stub_label`` is None) and prints ``Row.cells`` only. ``blocks`` are the indices of rows that
    start a block (a subject, a SOC, a visit): the places where a page is best broken.
    ``abbreviations`` are those it prints, with their words; ``program`` is the part of the program that made it.
    No rows at all print as ``No observations``.
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

    @property
    def label(self) -> str:
        """The output's name in words: Table 14.3.1.2.1."""
        return output_label(self.number)

    def with_number(self, number: str) -> Table:
        """The same table under another number, in its results too."""
        return replace(self, number=number, ard=self.ard.assign(output=number))


@dataclass(frozen=True)
class Figure:
    """A figure, drawn once as SVG and once as PNG, with the numbers it shows.

    ``alt`` says in words what the picture shows, for those who cannot see it. ``width_in`` and
    ``height_in`` are its printed size in inches.
    """

    number: str
    title: str
    population: str
    svg: str
    png: bytes
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

    @property
    def label(self) -> str:
        """The output's name in words: Figure 14.2.1.2."""
        return output_label(self.number)

    def with_number(self, number: str) -> Figure:
        """The same figure under another number, in its results too."""
        return replace(self, number=number, ard=self.ard.assign(output=number))


Output = Table | Figure

_WORDS = {"T": "Table", "F": "Figure", "L": "Listing", "A": "Appendix", "N": "Narrative"}


def output_label(number: str) -> str:
    """``T14.1.1.2`` in words: ``Table 14.1.1.2``."""
    word = _WORDS.get(number[:1])
    return f"{word} {number[1:]}" if word and number[1:2].isdigit() else number


def empty_ard() -> pd.DataFrame:
    """A results frame without results, every column of its right kind."""
    return pd.DataFrame(
        {
            "output": pd.Series(dtype="str"),
            "row": pd.Series(dtype="str"),
            "column": pd.Series(dtype="str"),
            "stat": pd.Series(dtype="str"),
            "value": pd.Series(dtype="float64"),
            "text": pd.Series(dtype="str"),
            "subjects": pd.Series(dtype="object"),
        }
    )


@dataclass(frozen=True)
class Printed:
    """The text of a cell and the text of each statistic in it."""

    text: str
    parts: dict[str, str]


#: How the statistics of one cell become its text.
Show = Callable[[Mapping[str, float]], Printed]


def _number(stats: Mapping[str, float], name: str, dp: int) -> str:
    value = stats.get(name, math.nan)
    return NO_VALUE if math.isnan(value) else round_half_up(value, dp)


def count_percent(stats: Mapping[str, float]) -> Printed:
    """``n (xx.x)``; a count of 0 prints ``0``, a denominator of 0 prints ``-``."""
    count, percent = round_half_up(stats["n"], 0), stats.get("p", math.nan)
    if math.isnan(percent):
        return Printed(NO_VALUE, {"n": NO_VALUE})
    if stats["n"] == 0:
        return Printed(count, {"n": count})
    share = round_half_up(percent, 1)
    return Printed(f"{count} ({share})", {"n": count, "p": share})


def count_percent_events(stats: Mapping[str, float]) -> Printed:
    """``n (xx.x) [events]``; without a subject only ``0``."""
    counted = count_percent(stats)
    if "p" not in counted.parts:
        return counted
    events = round_half_up(stats["events"], 0)
    return Printed(f"{counted.text} [{events}]", {**counted.parts, "events": events})


def out_of(stats: Mapping[str, float]) -> Printed:
    """``n/N`` for rates whose denominator is not the column's N."""
    if not stats["N"]:
        return Printed(NO_VALUE, {})
    parts = {name: round_half_up(stats[name], 0) for name in ("n", "N")}
    return Printed(f"{parts['n']}/{parts['N']}", parts)


def count(stats: Mapping[str, float]) -> Printed:
    """A bare count."""
    text = round_half_up(stats["n"], 0)
    return Printed(text, {"n": text})


def mean_sd(dp: int) -> Show:
    """``mean (SD)`` with one and two decimals more than the raw value has; ``-`` where there is none."""

    def show(stats: Mapping[str, float]) -> Printed:
        parts = {"mean": _number(stats, "mean", dp + 1), "sd": _number(stats, "sd", dp + 2)}
        return Printed(NO_VALUE if parts["mean"] == NO_VALUE else f"{parts['mean']} ({parts['sd']})", parts)

    return show


def numbers(names: Sequence[str], dp: int, pattern: str = "", missing: str = NO_VALUE) -> Show:
    """Statistics by name with the same decimals, in ``pattern`` (default: joined by a comma).

    Where all of them are missing the cell is ``missing``; a single one prints as ``missing`` in its place: a
    median that is not reached has a lower limit worth reading.
    """
    layout = pattern or ", ".join(f"{{{name}}}" for name in names)

    def show(stats: Mapping[str, float]) -> Printed:
        parts = {name: _number(stats, name, dp) for name in names}
        parts = {name: missing if text == NO_VALUE else text for name, text in parts.items()}
        if set(parts.values()) == {missing}:
            return Printed(missing, {names[0]: missing})
        return Printed(layout.format(**parts), parts)

    return show


def p_value(stats: Mapping[str, float]) -> Printed:
    """Four decimals, ``<0.0001`` below and ``>0.9999`` above what they can say."""
    value = stats.get("pvalue", math.nan)
    if math.isnan(value):
        text = NOT_ESTIMABLE
    elif value < 0.0001:
        text = "<0.0001"
    elif value > 0.9999:
        text = ">0.9999"
    else:
        text = round_half_up(value, 4)
    return Printed(text, {"pvalue": text})


@dataclass(frozen=True)
class Line:
    """One line of a table's layout: where its numbers are and how they print.

    ``row`` is the key of the numbers, ``key`` the key of the printed line (the same unless several
    lines print different statistics of one row). Without ``show`` the line is a heading.
    ``columns`` limits the line to those columns; the others stay blank. ``texts`` are cells that are
    words, not numbers (a decision, a date), by column.
    """

    row: str
    label: str
    show: Show | None = None
    indent: int = 0
    key: str = ""
    columns: tuple[str, ...] | None = None
    block: bool = False
    texts: Mapping[str, str] | None = None

    @property
    def printed_key(self) -> str:
        return self.key or self.row


def tabulate(
    number: str, numbers_frame: pd.DataFrame, lines: Sequence[Line], columns: Sequence[str]
) -> tuple[tuple[Row, ...], pd.DataFrame]:
    """Print the numbers by the layout.

    Returns
    -------
    tuple
        The printed rows, and the results: every number, with its text where it was printed and the
        key of the line that printed it. A number of a line that is not printed keeps its own key.

    Raises
    ------
    ValueError
        Two lines have one key, or the numbers hold one cell's statistic twice.
    """
    keys = [line.printed_key for line in lines]
    if len(set(keys)) < len(keys):
        raise ValueError(f"{number}: two lines have the key {next(k for k in keys if keys.count(k) > 1)!r}")
    if numbers_frame.duplicated(["row", "column", "stat"]).any():
        twice = numbers_frame[numbers_frame.duplicated(["row", "column", "stat"])].iloc[0]
        raise ValueError(f"{number}: {twice['stat']} of {twice['row']!r} in column {twice['column']!r} stands twice")
    cells: dict[tuple[str, str], dict[str, float]] = {}
    for row, column, stat, value in zip(*(numbers_frame[name] for name in ("row", "column", "stat", "value")), strict=True):
        cells.setdefault((row, column), {})[stat] = value
    rows, printed, words = [], [], []
    for line in lines:
        shown = dict(line.texts or {})
        words += [(number, line.printed_key, column, "text", math.nan, text, None) for column, text in shown.items()]
        for column in line.columns if line.columns is not None else columns:
            stats = cells.get((line.row, column))
            if line.show is not None and stats is not None:
                cell = line.show(stats)
                shown[column] = cell.text
                printed += [(line.row, column, stat, line.printed_key, text) for stat, text in cell.parts.items()]
        rows.append(Row(line.printed_key, line.label, line.indent, shown, head=line.show is None and not shown))
    texts = pd.DataFrame(printed, columns=["row", "column", "stat", "key", "text"]).astype("object")
    ard = numbers_frame.merge(texts, on=["row", "column", "stat"], how="left")
    ard["row"] = ard["key"].where(ard["key"].notna(), ard["row"])
    ard = ard.assign(output=number)[list(ARD_COLUMNS)]
    if words:
        ard = pd.concat([ard, pd.DataFrame(words, columns=list(ARD_COLUMNS))], ignore_index=True)
    return tuple(rows), ard
